"""What is wrong with a service that the audit's own code does not name is found all the same."""

from uuid import uuid4

import pytest

from audit.checks import messaging, sagas
from audit.collector import Collector
from audit.ledger import Ledger
from audit.verdict import judge
from tests.chaos.nemesis.post import Post
from tests.integration.audit.conftest import Tenth, declared

ROW = """INSERT INTO outbox (partition, message_id, target, type, subject, sequence, body)
         VALUES (7, %s, %s, 'PatientCounselled', 'a', 1, '{}')"""
PARKED = """INSERT INTO parked_message (channel, source, subject, sequence, message_id, type, properties, body, error)
            VALUES ('prescription.events', 'prescription', 'a', 1, %s, 'PrescriptionDispensed', '{}', '{}', %s)"""
SAGA = """INSERT INTO saga (saga_id, name, status, state, data, correlation_id, traceparent)
          VALUES (%s, 'counselling', %s, '{"steps": [{"name": "call", "state": "running"}]}', '{}', 'c', 't')"""


def test_a_service_at_rest_has_nothing_wrong(tenth: Tenth, post: Post) -> None:
    tenth.execute("INSERT INTO outbox_sequence VALUES ('a', 1)")
    post.event(tenth.name, "a", 1)
    assert tenth.broken() == {}


def test_a_message_that_its_frozen_relay_does_not_send_is_seen(tenth: Tenth) -> None:
    tenth.execute("INSERT INTO outbox_sequence VALUES ('a', 1)")
    tenth.execute(ROW, uuid4(), f"{tenth.name}.events")
    broken = tenth.broken()
    assert broken[messaging.OUTBOXES] == f"{tenth.name}, outbox: 1 messages"
    assert f"{tenth.name}, relay: none has shown itself for 15 s" in map(str, tenth.facts().unseen)


@pytest.mark.parametrize("error", ["no such medicine", None])
def test_a_message_that_is_parked_or_waits_is_seen(tenth: Tenth, error: str | None) -> None:
    tenth.execute(PARKED, uuid4(), error)
    assert (error or "waits for the one before it") in tenth.broken()[messaging.HELD]


def test_a_saga_under_way_is_seen(tenth: Tenth) -> None:
    tenth.execute(SAGA, uuid4(), "running")
    assert "is running: {'call': 'running'}" in tenth.broken()[sagas.ENDED]


def test_a_reader_that_is_behind_is_seen(tenth: Tenth, post: Post) -> None:
    for sequence in (1, 2):
        post.event(tenth.name, "a", sequence)
    tenth.execute("INSERT INTO log_reader (log, first_offset, last_offset) VALUES (%s, 0, 0)", f"{tenth.name}.events")
    assert tenth.broken()[messaging.READERS].endswith("has read up to 0, the log ends at 1")


def test_a_log_that_it_has_to_read_and_has_never_read_is_seen(tenth: Tenth) -> None:
    assert "has no reader of ward.events" in tenth.broken(**{f"{tenth.name.upper()}_READS": "ward"})[messaging.READERS]


def test_a_gap_in_its_log_is_seen(tenth: Tenth, post: Post) -> None:
    post.event(tenth.name, "a", 1)
    post.event(tenth.name, "a", 3)
    assert messaging.SEQUENCES in tenth.broken()


def test_an_audit_after_another_reads_of_a_log_what_is_new_and_judges_all_of_it(tenth: Tenth, post: Post) -> None:
    post.event(tenth.name, "a", 1)
    with Collector(tenth.env) as collector:
        collector.logs.catch_up(0.3)
        (before,) = collector.logs.messages[tenth.name]
        collector.disconnect()
        post.event(tenth.name, "a", 3)
        collector.logs.catch_up(0.3)
        assert [message.sequence for message in collector.logs.messages[tenth.name]] == [1, 3]
        assert collector.logs.messages[tenth.name][0] is before
        found = judge(collector.facts(Ledger())).violations
    assert messaging.SEQUENCES in {each.rule for each in found if each.where.startswith(tenth.name)}


def test_a_log_of_commands_is_followed_that_only_its_writer_or_its_reader_tells_of(tenth: Tenth, post: Post) -> None:
    to_ward, from_ward = f"{tenth.name}.to.ward", f"ward.to.{tenth.name}"
    headers = {"subject": "saga", "sequence": 2, "time": "2026-11-26T05:00:00+00:00"}
    with declared(tenth.rabbitmq_url, to_ward), declared(tenth.rabbitmq_url, from_ward):
        tenth.execute("INSERT INTO outbox_log VALUES (%s)", to_ward)
        tenth.execute("INSERT INTO outbox_sequence VALUES (%s, 2)", f"{to_ward} saga")
        tenth.execute("INSERT INTO log_reader (log) VALUES (%s)", from_ward)
        post.put(to_ward, tenth.name, "Do", headers, b"{}")
        post.put(from_ward, "ward", "Reply", headers, b"{}")
        broken = tenth.broken()
    assert broken[messaging.SEQUENCES] == f"{to_ward} at 0, subject saga: Do has 2, expected was 1"
    assert broken[messaging.READERS] == f"{tenth.name}, {from_ward}: has read up to None, the log ends at 0"


def test_a_command_that_is_given_out_and_in_no_log_is_seen(tenth: Tenth) -> None:
    tenth.execute("INSERT INTO outbox_log VALUES (%s)", f"{tenth.name}.to.ward")
    tenth.execute("INSERT INTO outbox_sequence VALUES (%s, 1)", f"{tenth.name}.to.ward saga")
    assert tenth.broken()[messaging.SEQUENCES] == (f"{tenth.name}.to.ward, subject saga: ends at 0, given out were 1")


def test_an_event_that_is_given_out_and_in_no_log_is_seen(tenth: Tenth) -> None:
    tenth.execute("INSERT INTO outbox_sequence VALUES ('a', 2)")
    assert tenth.broken()[messaging.SEQUENCES].endswith("ends at 0, given out were 2")


def test_a_service_whose_database_nobody_names_is_said_not_to_have_been_looked_at(tenth: Tenth) -> None:
    del tenth.env[f"{tenth.name.upper()}_DATABASE_URL"]
    assert tenth.broken()[messaging.COMPLETE].endswith(f"{tenth.name.upper()}_DATABASE_URL is not set")


def test_a_database_that_does_not_let_us_in_is_said_not_to_have_been_looked_at(tenth: Tenth) -> None:
    nowhere = "postgresql://nobody:wrong@127.0.0.1:9/nothing"
    assert "cannot be looked at" in tenth.broken(**{f"{tenth.name.upper()}_DATABASE_URL": nowhere})[messaging.COMPLETE]


def test_a_service_that_keeps_no_messages_hides_nothing_and_is_said_so(tenth: Tenth) -> None:
    tenth.execute("DROP TABLE outbox, outbox_relay, outbox_sequence, parked_message, log_reader, log_sequence")
    tenth.execute("DROP TABLE saga, saga_history")
    assert tenth.broken() == {}
    assert any(each.what == "tables" and each.service == tenth.name for each in tenth.facts().unseen)


def test_the_owners_of_beds_and_bills_are_missed_when_nobody_names_them(tenth: Tenth) -> None:
    missed = {each.service for each in tenth.facts().unseen if each.hides}
    assert {"ward", "billing", "notification", "chart"} <= missed
