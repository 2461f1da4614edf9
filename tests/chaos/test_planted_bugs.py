"""Each rule of the checker is proven by a bug: every scene is played without it and with it, on real servers.

The bugs are those of tests/chaos/planted.py. Without the bug the checker finds nothing, with it what the bug does.
Logs go by the stream protocol; where a bug is one of how they are written, by AMQP as well.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from uuid import uuid4

import psycopg
import pytest

from audit.checks.read_models import snapshots_are_equal
from audit.facts import Facts
from audit.ledger import Ledger
from audit.responses import PatientResponse, PrescriptionResponse
from infirmary.transport.envelope import partition_of
from tests.chaos.broker_side import BrokerSide
from tests.chaos.checker.finding import Column
from tests.chaos.conftest import OVER_BOTH
from tests.chaos.proxy import Way
from tests.chaos.small_scene import COMMANDS, PUBLISHER, SERVICE, SmallScene, a_bed
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

LOG = f"{SERVICE}.events"
SHORTLY_S = 3.0


def soon(condition: Callable[[], object], within_s: float = SHORTLY_S) -> bool:
    """Waits for what comes about only with the bug, or only without it; says whether it has."""
    try:
        return bool(eventually(condition, because="", within_s=within_s))
    except AssertionError:
        return False


def with_and_without(bug: str, column: Column) -> pytest.MarkDecorator:
    """Plays a scene twice."""
    cases = [pytest.param(None, set(), id="sound"), pytest.param(bug, {column}, id=bug)]
    return pytest.mark.parametrize(("bug", "expected"), cases)


@OVER_BOTH
@with_and_without("delete_before_the_confirm", Column.LOST)
def test_a_row_deleted_before_its_confirm_is_missed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_relay(bug)
    with scene.writer() as writer:
        writer.write("bed-1")
        eventually(lambda: scene.waiting() == 0, because="messages flow")
        scene.proxy.swallow(Way.UP)
        writer.write("bed-1")
        eventually(lambda: scene.proxy.swallowed_bytes[Way.UP] > 100, because="the message is sent, and lost")
        soon(lambda: scene.waiting() == 0, within_s=1)
    scene.proxy.restore()
    scene.proxy.reset()
    eventually(lambda: scene.waiting() == 0, because="the broker is back")
    assert scene.columns() == expected


@pytest.mark.parametrize(
    ("side", "bug", "expected"),
    [
        pytest.param(BrokerSide.STREAMS, None, set(), id="streams, sound"),
        pytest.param(BrokerSide.AMQP, None, set(), id="AMQP, sound"),
        pytest.param(BrokerSide.AMQP, "drop_mandatory", {Column.LOST}, id="drop_mandatory"),
    ],
)
def test_a_message_that_no_log_took_is_missed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_relay(bug)
    with scene.post() as post, scene.writer() as writer:
        writer.write("bed-0")
        eventually(lambda: scene.waiting() == 0 and scene.in_own_log() == 1, because="the relay knows its log")
        post.delete(LOG)
        writer.write("bed-1", 3)
        eventually(lambda: scene.waiting() == 0, because="the relay declares its log again, or does not care")
        if post.length(LOG) is None:
            post.declare_log(LOG)
        post.event(SERVICE, "bed-0", 1)  # which was deleted with the log, and is not what is looked for
    assert scene.columns() == expected


@with_and_without("take_errors_for_confirms", Column.LOST)
def test_what_was_under_way_to_a_log_that_has_gone_is_missed(
    scene: SmallScene, bug: str | None, expected: set[Column]
) -> None:
    scene.start_relay(bug)
    with scene.post() as post, scene.writer() as writer:
        writer.write("bed-0")
        eventually(lambda: scene.waiting() == 0 and scene.in_own_log() == 1, because="the relay knows its log")
        scene.proxy.swallow(Way.UP)
        writer.write("bed-1", 3)
        eventually(lambda: scene.proxy.swallowed_bytes[Way.UP] > 300, because="the messages are sent, and lost")
        post.delete(LOG)
        soon(lambda: scene.waiting() == 0, within_s=1)
        scene.proxy.restore()
        scene.proxy.reset()
        eventually(lambda: scene.waiting() == 0, because="the broker is back")
        if post.length(LOG) is None:
            post.declare_log(LOG)
        post.event(SERVICE, "bed-0", 1)  # which was deleted with the log, and is not what is looked for
    assert scene.columns() == expected


@with_and_without("pass_the_floor_by_xmin", Column.STUCK)
def test_a_row_below_the_floor_is_missed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    """A writer has its id before its transaction has one, and commits after others with later ids."""
    scene.rows(WAIT_BEFORE_INSERT)
    scene.start_relay(bug)
    slow_writer = Thread(target=scene.rows, args=(WRITE_SLOWLY,))
    with psycopg.connect(scene.database_url) as gate, scene.writer() as quick:
        quick.write(
            "bed-quick"
        )  # every 32nd nextval writes to the WAL, and so needs a transaction id: not the next one
        gate.execute("SELECT pg_advisory_lock(4711)")
        slow_writer.start()
        eventually(lambda: scene.rows(WAITS_AT_THE_GATE), because="the slow writer has its id")
        for _ in range(12):
            quick.write("bed-quick")
            eventually(lambda: scene.waiting() == 0, because="those behind it pass")
        gate.execute("SELECT pg_advisory_unlock(4711)")
        slow_writer.join()
    soon(lambda: scene.waiting() == 0)
    assert scene.columns() == expected


# The trigger runs when the row has its id and before it is inserted, which is when its transaction gets one.
WAIT_BEFORE_INSERT = """
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$;
CREATE TRIGGER gate BEFORE INSERT ON outbox FOR EACH ROW WHEN (NEW.subject = 'bed-slow')
    EXECUTE FUNCTION wait_at_the_gate();
"""
WAITS_AT_THE_GATE = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND NOT granted"
WRITE_SLOWLY = f"""
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, body)
VALUES ({partition_of("bed-slow")}, gen_random_uuid(), '{LOG}', 'Noted', 'bed-slow', 1, '{{}}')
"""


@with_and_without("deduplicate_by_row_id", Column.LOST)
def test_a_row_that_commits_late_and_is_taken_for_a_repeat_is_missed(
    scene: SmallScene, bug: str | None, expected: set[Column]
) -> None:
    """A writer has its id before another one, and commits after that one's message is in the log."""
    scene.start_relay(bug)
    with scene.writer() as slow, scene.writer() as quick:
        with slow.open_transaction("bed-slow"):
            quick.write("bed-quick")
            eventually(lambda: scene.in_own_log() == 1, because="the quick writer's message goes first")
        eventually(lambda: scene.waiting() == 0, because="both are confirmed")
    assert scene.columns() == expected


@OVER_BOTH
@with_and_without("credit_a_late_ack", Column.LOST)
def test_an_acknowledgement_credited_to_another_message_is_missed(
    scene: SmallScene, bug: str | None, expected: set[Column]
) -> None:
    scene.start_relay(bug or "have_little_patience")
    with scene.writer() as writer:
        writer.write("bed-1")
        eventually(lambda: scene.waiting() == 0, because="messages flow")
        scene.proxy.hold(Way.DOWN)
        writer.write("bed-1")
        soon(lambda: scene.in_own_log() >= 3)
        scene.proxy.swallow(Way.UP)
        writer.write("bed-2")
        soon(lambda: scene.proxy.swallowed_bytes[Way.UP] > 600)
    scene.proxy.restore()
    soon(lambda: scene.waiting() == 0, within_s=1)
    scene.proxy.reset()
    eventually(lambda: scene.waiting() == 0, because="the broker is back")
    assert scene.columns() == expected


@with_and_without("ignore_the_sequence", Column.DOUBLED)
def test_a_command_applied_again_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    message_id, command = uuid4(), a_bed()
    with scene.post() as post:
        scene.asked(post, command, 1, message_id)
        scene.asked(post, command, 1, message_id)
    eventually(lambda: scene.has_read(COMMANDS), because="the consumer has seen both")
    scene.start_relay()
    eventually(lambda: scene.waiting() == 0, because="the reply leaves", within_s=30)
    assert scene.columns() == expected


@with_and_without("take_commands_as_they_come", Column.REORDERED)
def test_a_command_applied_too_early_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    command = a_bed()
    with scene.post() as post:
        for sequence in (1, 3, 2):
            scene.asked(post, {**command, "attempt": sequence}, sequence)
    eventually(lambda: scene.has_read(COMMANDS), because="the consumer has seen everything")
    soon(lambda: not scene.rows("SELECT 1 FROM parked_message"))
    scene.start_relay()
    eventually(lambda: scene.waiting() == 0, because="the replies leave", within_s=30)
    assert scene.columns() == expected


@pytest.mark.parametrize(("bug", "answered"), [(None, 1), ("wait_for_an_unreadable_command", 0)])
def test_a_saga_that_waits_for_a_command_that_cannot_be_read_is_noticed(
    scene: SmallScene, bug: str | None, answered: int
) -> None:
    scene.start_consumer(bug)
    command = a_bed()
    saga_id = str(command["saga_id"])
    with scene.post() as post:
        post.command(COMMANDS, "ReserveBed", saga_id, 1, b"\x00 this is not JSON")
        scene.asked(post, {**command, "attempt": 2}, 2)
    eventually(lambda: scene.has_read(COMMANDS), because="the consumer has seen both")
    soon(lambda: scene.rows("SELECT 1 FROM saga_outcome"))
    assert len(scene.rows("SELECT 1 FROM saga_outcome")) == answered
    held = [str(each.violation) for each in scene.findings() if each.column is Column.STUCK]
    assert any("parked: MalformedMessage" in each for each in held)
    assert any("waits for the one before it" in each for each in held) == (not answered)


@with_and_without("ignore_the_sequence", Column.DOUBLED)
def test_an_event_applied_again_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    message_id = uuid4()
    with scene.post() as post:
        scene.told(post, "patient-1", 1)
        for _ in range(2):
            post.event(PUBLISHER, "patient-1", 2, message_id=message_id)
    scene.sent[PUBLISHER]["patient-1"] = 2
    eventually(scene.has_read, because="the consumer has seen everything")
    assert scene.columns() == expected


@with_and_without("ignore_the_sequence", Column.REORDERED)
def test_an_event_applied_too_early_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    with scene.post() as post:
        scene.told(post, "patient-1", 1, 3, 2)
    eventually(scene.has_read, because="the consumer has seen everything")
    soon(lambda: not scene.rows("SELECT 1 FROM parked_message"))
    assert scene.columns() == expected


@with_and_without("move_the_offset_alone", Column.LOST)
def test_an_event_passed_over_after_a_crash_is_missed(
    scene: SmallScene, tmp_path: Path, bug: str | None, expected: set[Column]
) -> None:
    frozen = tmp_path / "frozen"
    with scene.post() as post:
        scene.told(post, "patient-1", 1, 2)
    process = scene.start_consumer(bug, CONSUMER_CRASH_POINT="before_commit", CONSUMER_CRASH_FILE=str(frozen))
    scene.frozen(process, frozen)
    scene.start_consumer(bug)
    eventually(scene.has_read, because="the next consumer has seen everything")
    assert scene.columns() == expected


@pytest.mark.parametrize(("bug", "violations"), [(None, 0), ("ignore_the_version", 1)])
def test_a_snapshot_overwritten_by_an_older_one_is_noticed(
    scene: SmallScene, new_database: NewDatabase, bug: str | None, violations: int
) -> None:
    """The event that is numbered last holds an older version than the one before it."""
    scene.move_to("prescription", new_database("prescription").database_url)
    scene.start_consumer(bug)
    patient_id = uuid4()
    with scene.post() as post:
        for sequence, (kind, version, full_name) in enumerate(
            [
                ("PatientRegistered", 1, "First"),
                ("PatientNameChanged", 3, "Third"),
                ("PatientNameChanged", 2, "Second"),
            ],
            start=1,
        ):
            body = {"patient_id": patient_id, "full_name": full_name, "version": version}
            post.event(PUBLISHER, str(patient_id), sequence, kind=kind, body=body)
    eventually(scene.has_read, because="the consumer has seen everything")
    ((snapshot,),) = scene.rows("SELECT full_name FROM patient_snapshot")
    owner = PatientResponse(patient_id=patient_id, full_name="Third", version=3, admitted=False)
    copy = PrescriptionResponse(
        prescription_id=uuid4(), patient_id=patient_id, patient_name=snapshot, medication_code="", quantity=1,
        status="accepted",
    )  # fmt: skip
    facts = Facts(patients={patient_id: owner}, prescriptions={copy.prescription_id: copy})
    assert len(list(snapshots_are_equal(facts, Ledger()))) == violations
