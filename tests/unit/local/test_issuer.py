"""The local provider of identities: its roles, and tokens that the library takes."""

from pathlib import Path

import pytest

from infirmary.identity.keys import keys_in
from infirmary.identity.tokens import Expected, checked, key_name
from local.errors import LocalError
from local.issuer.answering import documents_of
from local.issuer.roles import EVERYTHING, roles_of, variable_of
from local.issuer.signing import Signer

ROLES = roles_of()
NOW_S = 1_900_000_000


def test_the_roles_are_those_of_a_hospital() -> None:
    assert set(ROLES) == {
        "ward-clerk", "doctor", "pharmacist", "laboratory-technician", "cashier", "ward-manager", "auditor", "machine",
        EVERYTHING,
    }  # fmt: skip


def test_one_token_is_for_everything_and_no_role_has_all_of_it() -> None:
    everything = set(ROLES[EVERYTHING])
    for role, scopes in ROLES.items():
        assert set(scopes) <= everything
        assert role == EVERYTHING or set(scopes) != everything


def test_an_auditor_changes_nothing() -> None:
    assert {scope.partition(":")[2] for scope in ROLES["auditor"]} <= {"read", "read-all"}


def test_a_token_of_each_role_is_taken_by_the_library_with_the_scopes_of_the_role() -> None:
    signer = Signer("http://127.0.0.1:8090")
    keys = keys_in(documents_of(signer)["/keys"])
    for role, scopes in ROLES.items():
        token = signer.token(signer.claims(role, scopes, "infirmary", NOW_S))
        caller = checked(token, keys[key_name(token)], Expected(signer.issuer, "infirmary"), NOW_S).caller
        assert (caller.scopes, caller.roles) == (frozenset(scopes), (role,))


def test_nobody_is_shown_the_private_key() -> None:
    (key,) = Signer("http://127.0.0.1:8090").key_set()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


def test_each_role_has_a_variable_of_its_own() -> None:
    assert variable_of(EVERYTHING) == "HOSPITAL_TOKEN"
    assert variable_of("laboratory-technician") == "HOSPITAL_TOKEN_LABORATORY_TECHNICIAN"
    assert len({variable_of(role) for role in ROLES}) == len(ROLES)


def test_a_table_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    table = tmp_path / "roles.toml"
    table.write_text("[roles]\ndoctor = []")
    with pytest.raises(LocalError, match=r"roles.toml cannot be read"):
        roles_of(table)


def test_a_provider_that_is_started_again_has_the_key_of_before_and_a_new_hospital_has_its_own(tmp_path: Path) -> None:
    kept = tmp_path / "key.json"
    first, again, other = Signer("it", kept), Signer("it", kept), Signer("it")
    assert first.key_set() == again.key_set()
    assert first.key_set() != other.key_set()
    assert kept.stat().st_mode & 0o777 == 0o600
