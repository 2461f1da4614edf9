"""Whose token counts, and what it says; each way to get one wrong is refused as RFC 6750 says."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infirmary.access.records import Access
from infirmary.identity.caller import Caller
from infirmary.identity.key_cache import KeyCache
from infirmary.identity.keys import keys_in
from infirmary.identity.refusal import Refused
from infirmary.identity.tokens import LEEWAY_S, checked, key_name
from tests.unit.identity import made_tokens
from tests.unit.identity.made_tokens import EXPECTED, KEY, NOW_S, STRANGERS, signed
from tests.unit.services.recording.records import access

KEYS = KeyCache(lambda: keys_in({"keys": [KEY.as_dict(private=False)]}))


def judged(token: str, now_s: int = NOW_S) -> Caller:
    return checked(token, KEYS.find(key_name(token)), EXPECTED, now_s).caller


def test_a_good_token_says_who_asks_and_what_they_may_do() -> None:
    assert judged(signed()) == Caller("ada", frozenset({"patients:read", "patients:write"}), ("ward-clerk",))


def test_a_token_may_be_for_several_and_need_not_speak_of_scopes_or_roles() -> None:
    assert judged(signed(aud=["other", "infirmary"], scope=None, roles=None)) == Caller("ada")


def test_the_type_may_be_written_in_full_and_in_any_case() -> None:
    assert judged(signed(header={"typ": "Application/AT+JWT"})).subject == "ada"


@pytest.mark.parametrize(
    ("why", "make"),
    [
        ("with a public key", made_tokens.unsigned),
        ("with a public key", made_tokens.signed_with_the_public_key),
        ("signature is not good", made_tokens.tampered),
        ("signature is not good", lambda: signed(key=STRANGERS)),
        ("signature is not good", made_tokens.by_another_algorithm),
        ("has expired", lambda: signed(exp=NOW_S - LEEWAY_S)),
        ("nbf is not what it should be", lambda: signed(nbf=NOW_S + LEEWAY_S + 1)),
        ("iat is not what it should be", lambda: signed(iat=NOW_S + LEEWAY_S + 1)),
        ("aud is not what it should be", lambda: signed(aud="another-hospital")),
        ("aud is not what it should be", lambda: signed(aud=["another-hospital"])),
        ("iss is not what it should be", lambda: signed(iss="https://identity.example.evil")),
        ("iss is not what it should be", lambda: signed(iss="https://identity.example/")),
        ("lacks sub", lambda: signed(sub=None)),
        ("lacks exp", lambda: signed(exp=None)),
        ("lacks aud", lambda: signed(aud=None)),
        ("lacks iss", lambda: signed(iss=None)),
        ("lacks iat", lambda: signed(iat=None)),
        ("sub is not what it should be", lambda: signed(sub="a" * 256)),
        ("sub is not what it should be", lambda: signed(sub="a\nb")),
        ("exp is not what it should be", lambda: signed(exp="tomorrow")),
        ("scope should be a text", lambda: signed(scope=["patients:read"])),
        ("sub is not what it should be", lambda: signed(sub="")),
        ("sub is not what it should be", lambda: signed(sub=7)),
        ("sub is not what it should be", lambda: signed(sub="a\ud800")),
        ("roles should be a list", lambda: signed(roles="doctor")),
        ("roles should be a list", lambda: signed(roles={"doctor": "yes"})),
        ("roles should be a list", lambda: signed(roles=["doctor", ""])),
        ("roles should be a list", lambda: signed(roles=["doctor", "a" * 256])),
        ("roles should be a list", lambda: signed(roles=["doctor", "a\x00b"])),
        ("roles should be a list", lambda: signed(roles=["doctor", "a\ud800"])),
        ("roles should be a list", lambda: signed(roles=["doctor", 7])),
        ("should be an access token", lambda: signed(header={"typ": "JWT"})),
        ("should be an access token", lambda: made_tokens.without_header("typ")),
        ("should name its key", lambda: made_tokens.without_header("kid")),
        ("too long", lambda: signed(scope="a" * 8192)),
        ("no signed JSON Web Token", lambda: "abc"),
        ("no signed JSON Web Token", lambda: "a.b.c"),
        ("no signed JSON Web Token", lambda: signed().rpartition(".")[0]),
    ],
)
def test_a_wrong_token_is_refused_with_what_is_wrong(why: str, make: Callable[[], str]) -> None:
    with pytest.raises(Refused, match=why) as refused:
        judged(make())
    assert (refused.value.status, refused.value.error) == (401, "invalid_token")


def test_a_header_that_must_be_understood_and_is_not_makes_a_token_wrong() -> None:
    with pytest.raises(Refused, match="signature is not good"):
        judged(made_tokens.critical())


def test_clocks_may_differ_by_half_a_minute() -> None:
    assert judged(signed(exp=NOW_S - LEEWAY_S + 1)).subject == "ada"
    assert judged(signed(nbf=NOW_S + LEEWAY_S, iat=NOW_S + LEEWAY_S)).subject == "ada"


@given(place=st.integers(0, len(signed()) - 1), letter=st.sampled_from("ABCDEFabcdef0123456789_-."))
@settings(max_examples=150, deadline=None)
def test_whoever_changes_a_token_changes_nothing_or_is_refused(place: int, letter: str) -> None:
    good = signed()
    changed = good[:place] + letter + good[place + 1 :]
    with suppress(Refused):
        assert judged(changed) == judged(good)


_CLAIMS = st.sampled_from(["iss", "aud", "sub", "iat", "exp", "nbf", "scope", "roles"])
_TEXTS = st.text() | st.text(st.sampled_from("a\x00\n\ud800"), min_size=200, max_size=300)
_ANYTHING = st.none() | st.booleans() | st.floats() | _TEXTS | st.lists(st.integers()) | st.lists(_TEXTS)


@given(claims=st.dictionaries(_CLAIMS, _ANYTHING))
@settings(max_examples=150, deadline=None)
def test_whatever_a_provider_signs_a_caller_is_found_or_refused(claims: dict[str, object]) -> None:
    with suppress(Refused):  # anything else that is raised would be answered 500
        caller = judged(signed({**made_tokens.CLAIMS, **claims}))
        asked = access(caller=caller.subject, roles=list(caller.roles))
        assert Access.model_validate_json(asked.model_dump_json()) == asked, "and can be put on record"


@given(scopes=st.frozensets(st.text("abcdefgh:-.", min_size=1)))
@settings(max_examples=50, deadline=None)
def test_the_scopes_of_a_token_are_the_callers(scopes: frozenset[str]) -> None:
    assert judged(signed(scope=" ".join(scopes))).scopes == scopes
