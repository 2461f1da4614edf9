"""What each process may do with which collection of MongoDB, and what a migration says to have it so."""

from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infirmary.mongo.granting import commands, given_in, privileges
from infirmary.mongo.rights import ALL, READ, rights_of
from infirmary.process_roles import Process

DATABASE, DOCUMENTS = "notifications", "sent"
ROLES = {process.role_in(DATABASE): process for process in Process}
COLLECTIONS = sorted({"", "of the next release", *(each for process in Process for each in rights_of(process, "sent"))})
SOME_ACTIONS = st.frozensets(st.sampled_from(["find", "insert", "update", "remove", "dropCollection"]), min_size=1)
GIVEN = st.dictionaries(st.sampled_from(list(ROLES)), st.dictionaries(st.sampled_from(COLLECTIONS), SOME_ACTIONS))


def test_no_process_changes_what_a_collection_is_or_who_may_do_what() -> None:
    may = {action for process in Process for actions in rights_of(process, DOCUMENTS).values() for action in actions}
    assert may == ALL | {"listIndexes", "changeStream"}


def test_an_api_reaches_the_services_documents_alone_and_removes_none() -> None:
    assert rights_of(Process.API, DOCUMENTS) == {DOCUMENTS: READ | {"insert", "update"}}


def test_a_relay_makes_and_removes_no_document_and_reaches_nothing_that_a_consumer_knows_of_the_logs() -> None:
    rights = rights_of(Process.RELAY, DOCUMENTS)
    assert rights[DOCUMENTS].isdisjoint({"insert", "remove"})
    assert rights.keys() == {DOCUMENTS, "database_identity", "outbox_log", "outbox_lease"}


def test_no_process_reaches_a_whole_database() -> None:
    assert not any("" in rights_of(process, DOCUMENTS) for process in Process)


@given(GIVEN)
def test_whatever_was_given_each_role_has_what_it_should_have_afterwards(
    before: dict[str, dict[str, frozenset[str]]],
) -> None:
    has: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for role, rights in before.items():
        has[role].update({collection: set(actions) for collection, actions in rights.items()})
    for command in commands(DATABASE, ROLES, DOCUMENTS, before):
        (verb, role), (_, said) = command.items()
        for collection, actions in given_in(DATABASE, said).items():
            here = has[role][collection]
            assert actions.isdisjoint(here) if verb == "grantPrivilegesToRole" else actions <= here, "what differs"
            here.symmetric_difference_update(actions)
    after = {role: {collection: each for collection, each in has[role].items() if each} for role in ROLES}
    assert after == {role: rights_of(process, DOCUMENTS) for role, process in ROLES.items()}
    assert commands(DATABASE, ROLES, DOCUMENTS, after) == []


@given(st.dictionaries(st.sampled_from(COLLECTIONS), SOME_ACTIONS))
def test_rights_are_read_as_they_were_written_and_those_of_other_databases_are_left(
    rights: dict[str, frozenset[str]],
) -> None:
    elsewhere: list[dict[str, Any]] = [
        {"resource": {"cluster": True}, "actions": ["listDatabases"]},
        *privileges("others", {"sent": {"find"}}),
    ]
    assert given_in(DATABASE, [*elsewhere, *privileges(DATABASE, rights)]) == rights
