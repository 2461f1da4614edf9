"""What each process may do with which table, and what a migration says to the database to have it so."""

import re
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from infirmary.postgres.granting import statements
from infirmary.postgres.library_tables import LIBRARY_TABLES
from infirmary.postgres.rights import ADD, ALL, CHANGE, NONE, READ, REMOVE, OwnRights, Right, rights_of
from infirmary.process_roles import Process

ROLES = {process.role_in("lab_results"): process for process in Process}
TABLES = sorted({*LIBRARY_TABLES, "lab_results", "of the next release"})
SOME_RIGHTS = st.frozensets(st.builds(Right, st.sampled_from(["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"])))

_SAID = re.compile(r'(GRANT|REVOKE) (.+) ON "?([^"]+?)"? (?:TO|FROM) (\w+)')
_RIGHT = re.compile(r'(\w+)(?: \("?(\w+)"?\))?')


def test_no_process_but_the_relay_takes_anything_back_from_the_outbox() -> None:
    assert rights_of(Process.API, "outbox") == {ADD}
    assert rights_of(Process.CONSUMER, "outbox") == {ADD, READ}
    assert rights_of(Process.RELAY, "outbox") == {READ, REMOVE, Right("UPDATE", "id")}


def test_a_relay_has_nothing_to_do_with_what_is_a_services_own() -> None:
    reached = {table for table in TABLES if rights_of(Process.RELAY, table)}
    assert reached == {"outbox", "outbox_relay", "outbox_log", "outbox_sequence", "incarnation"}


def test_an_api_does_not_change_how_far_a_log_was_read_or_what_was_held_of_it() -> None:
    changing = {ADD, CHANGE, REMOVE}
    for table in ("log_reader", "log_sequence", "parked_message", "answered", "incarnation", "saga_outcome"):
        assert rights_of(Process.API, table).isdisjoint(changing), table


def test_a_table_that_nothing_is_said_of_is_the_services_own() -> None:
    assert [rights_of(process, "of the next release") for process in Process] == [ALL, ALL, NONE]


def test_a_service_says_who_may_do_what_with_its_own_tables_and_nothing_of_the_librarys() -> None:
    own: OwnRights = {"kept": {Process.API: frozenset({READ})}, "outbox": {Process.API: ALL}}
    assert [rights_of(process, "kept", own) for process in Process] == [{READ}, ALL, NONE]
    assert rights_of(Process.API, "another", own) == ALL
    assert rights_of(Process.API, "outbox", own) == {ADD}


@given(
    given_before=st.dictionaries(st.tuples(st.sampled_from(list(ROLES)), st.sampled_from(TABLES)), SOME_RIGHTS),
    own=st.dictionaries(st.sampled_from(TABLES), st.dictionaries(st.sampled_from(list(Process)), SOME_RIGHTS)),
)
def test_whatever_was_given_each_role_has_what_it_should_have_afterwards(
    given_before: dict[tuple[str, str], frozenset[Right]], own: OwnRights
) -> None:
    has: defaultdict[tuple[str, str], set[Right]] = defaultdict(set)
    has.update({where: set(rights) for where, rights in given_before.items()})
    for statement in statements(ROLES, TABLES, given_before, own):
        said = _SAID.fullmatch(statement)
        assert said is not None, statement
        rights = {Right(privilege, column) for privilege, column in _RIGHT.findall(said[2])}
        here = has[said[4], said[3]]
        assert rights.isdisjoint(here) if said[1] == "GRANT" else rights <= here, "only what differs is said"
        here.symmetric_difference_update(rights)
    for role, process in ROLES.items():
        assert all(has[role, table] == rights_of(process, table, own) for table in TABLES)
    assert statements(ROLES, TABLES, has, own) == []
