"""Each rule of the checker is proven by a bug, here of the relay: every scene is played without it and with it.

All servers are real. Logs go by the stream protocol; where a bug is one of how they are written, by AMQP as well.
"""

from contextlib import suppress
from threading import Thread

import amqp
import psycopg
import pytest

from infirmary.transport.envelope import partition_of
from tests.chaos.broker_side import BrokerSide
from tests.chaos.checker.finding import Column
from tests.chaos.conftest import OVER_BOTH
from tests.chaos.nemesis.post import Post
from tests.chaos.proxy import Way
from tests.chaos.small_scene import SERVICE, SmallScene
from tests.chaos.twice import soon, soon_with, with_and_without
from tests.eventually import eventually

LOG = f"{SERVICE}.events"


def bring_back_what_is_not_looked_for(post: Post) -> None:
    """Declares the log, unless the relay has, and tells again what was deleted with it before the bug could act."""
    with suppress(amqp.PreconditionFailed):  # the relay was first, perhaps just now, and gives it a size
        post.declare_log(LOG)
    post.event(SERVICE, "bed-0", 1)


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
        soon_with(bug, lambda: scene.waiting() == 0)
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
        bring_back_what_is_not_looked_for(post)
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
        soon_with(bug, lambda: scene.waiting() == 0)
        scene.proxy.restore()
        scene.proxy.reset()
        eventually(lambda: scene.waiting() == 0, because="the broker is back")
        bring_back_what_is_not_looked_for(post)
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
