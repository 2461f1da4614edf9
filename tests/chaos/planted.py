"""Runs a process with a bug in it, to see whether the checker finds it: `python -m tests.chaos.planted BUG relay ward`.

Each bug is one that other systems have had. They are planted from outside: nothing in production knows of them.
"""

import os
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg

from infirmary import snapshots
from infirmary.consumer.batch import Batch
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.log_rules import LogRules
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Sequences, Verdict
from infirmary.postgres.work import PostgresWork
from infirmary.transport.envelope import Incoming
from infirmary_relay import loop
from infirmary_relay.broker import publisher, wire
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.publisher import QueuePublisher
from infirmary_relay.broker.routes import Routes
from infirmary_relay.confirms import Confirms
from infirmary_relay.loop import Relay
from infirmary_relay.message import KEY, TARGET, Row
from infirmary_relay.sources import postgres_statements
from infirmary_relay.streams import publisher as stream_publisher
from infirmary_relay.streams.encoder import Encoded, Encoder
from infirmary_relay.streams.publisher import StreamPublisher
from infirmary_relay.window import ON_ACK, PENDING
from infirmary_streams import codes, commands, publishing
from infirmary_streams.frames import request, text
from tests.chaos.observed import observe, run

SHORT_CONFIRM_TIMEOUT_S = 0.5


def delete_before_the_confirm() -> None:
    """Deletes rows as soon as they are written to the socket."""
    send = Relay._send

    def hasty(self: Relay, source: Any, broker: Any, now: float) -> None:
        send(self, source, broker, now)
        source.settle([row[KEY] for row in broker.in_flight()], [])
        source.flush()

    Relay._send = hasty  # type: ignore[method-assign]


def drop_mandatory() -> None:
    """Publishes without `mandatory`: what no queue takes is confirmed and gone. AMQP only."""
    wire._MANDATORY = b"\x00"


def take_errors_for_confirms() -> None:
    """Counts what the broker says of a message, and not what it says. The stream protocol only."""

    def taken(self: Confirms, target: str, reason: str) -> None:
        for window in self._windows:
            for at, row in enumerate(window.rows):
                if row[TARGET] == target and window._outcomes[at] == PENDING:
                    window.settle(window.first_tag + at, multiple=False, transition=ON_ACK)

    Confirms.unreachable = taken  # type: ignore[method-assign]


def deduplicate_by_row_id() -> None:
    """Has the broker drop what it takes for a repeat: a row's id is its publishing id. The stream protocol only.

    The publisher has a name by which the broker finds the highest id that it has had: it confirms what is not above
    that, and keeps nothing of it.
    """
    encode, confirmed = Encoder.encode, publishing.confirmed
    numbers: dict[int, int] = {}

    def by_row_id(self: Encoder, rows: Sequence[Row], first: int) -> Encoded:
        encoded = encode(self, rows, first)
        numbers.update((row[KEY], first + at) for at, row in enumerate(encoded.rows))
        ids = {number: row_id for row_id, number in numbers.items()}
        for pieces, stride in encoded.entries.values():
            for at in range(0, len(pieces), stride):
                number, size = _ENTRY_HEAD.unpack(pieces[at])
                pieces[at] = _ENTRY_HEAD.pack(ids[number], size)
        return encoded

    def by_number(payload: bytes) -> tuple[int, Sequence[int]]:
        publisher_id, ids = confirmed(payload)
        return publisher_id, [numbers[row_id] for row_id in ids]

    def by_name(correlation_id: int, publisher_id: int, stream: str) -> bytes:
        return request(codes.DECLARE_PUBLISHER, correlation_id, bytes([publisher_id]) + text("relay") + text(stream))

    Encoder.encode = by_row_id  # type: ignore[method-assign]
    publishing.confirmed = by_number
    commands.declare_publisher = by_name


_ENTRY_HEAD = struct.Struct(">QI")


def pass_the_floor_by_xmin() -> None:
    """Takes a transaction without a transaction id for one that writes nothing."""
    postgres_statements.WRITERS = (
        "SELECT backend_xid::text FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
    )


def have_little_patience() -> None:
    """No bug: gives up a silent broker after half a second in place of thirty."""
    for side in (publisher, stream_publisher):
        vars(side)["CONFIRM_TIMEOUT_S"] = SHORT_CONFIRM_TIMEOUT_S


class _CreditedAsTheyCome(Confirms):
    """Ignores delivery tags and publishing ids: an acknowledgement is for whatever has waited longest."""

    _acknowledged_to = 0

    def acknowledged(self, tag: int, *, multiple: bool) -> None:
        count = tag - self._acknowledged_to if multiple else 1
        self._acknowledged_to = max(tag, self._acknowledged_to)
        self._credit(count)

    def run_confirmed(self, first: int, last: int) -> None:
        self._credit(last - first + 1)

    def _credit(self, count: int) -> None:
        waiting = [
            (window, window.first_tag + at)
            for window in self._windows
            for at, outcome in enumerate(window._outcomes)
            if outcome == PENDING
        ]
        for window, oldest in waiting[:count]:
            window.settle(oldest, multiple=False, transition=ON_ACK)


def credit_a_late_ack() -> None:
    """Goes on with a connection on which a confirm did not come in time, as if it could not come any more."""
    have_little_patience()
    for side in (publisher, stream_publisher):
        vars(side)["Confirms"] = _CreditedAsTheyCome
    was_lost = Relay._broker_was_lost

    def goes_on(self: Relay, lost: BrokerLostError, now: float) -> None:
        broker, source = self._broker.current, self._source.current
        if "no confirm" not in str(lost) or broker is None or source is None:
            was_lost(self, lost, now)
            return
        of_logs = broker._logs if isinstance(broker, Routes) else broker
        assert isinstance(of_logs, (QueuePublisher, StreamPublisher))
        of_logs._confirms._windows.clear()
        source.reset_in_flight()

    loop.Relay._broker_was_lost = goes_on  # type: ignore[method-assign]


def ignore_the_sequence() -> None:
    """Applies every message as it comes."""

    def judge(self: Sequences, subject: str, sequence: int, message_id: UUID) -> Verdict:
        return Verdict.APPLY

    Sequences.judge = judge  # type: ignore[method-assign]


def take_commands_as_they_come() -> None:
    """Applies each command once, and does not wait for the one before it."""
    judged = LogRules.judge
    seen: set[UUID] = set()

    def judge(self: LogRules, sequences: Sequences, message: Incoming) -> Verdict:
        if not self.of_commands:
            return judged(self, sequences, message)
        is_new = message.message_id not in seen
        seen.add(message.message_id)
        return Verdict.APPLY if is_new else Verdict.DUPLICATE

    LogRules.judge = judge  # type: ignore[method-assign]


def wait_for_an_unreadable_command() -> None:
    """Lets a saga wait for a command that nobody will ever be able to read, as subjects of events do."""

    def stay(self: Batch, message: Incoming, error: BaseException | None) -> None:
        pass

    Batch._go_on_behind = stay  # type: ignore[method-assign]


def move_the_offset_alone() -> None:
    """Moves the offset in a transaction of its own, before the effects."""

    def alone(self: PostgresWork, position: Position, last: Delivery) -> psycopg.Cursor[Any]:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            connection.execute(
                "UPDATE log_reader SET last_offset = %s, last_message_id = %s WHERE log = %s",
                (last.offset, last.identity, self._log),
            )
        return self._tx.connection.execute("SELECT 1")

    PostgresWork._move_offset = alone  # type: ignore[method-assign]


def ignore_the_version() -> None:
    """Lets whatever comes last overwrite a snapshot."""
    guarded = snapshots.keep_newest
    snapshots.keep_newest = lambda *of: guarded(*of).partition(" WHERE ")[0]


BUGS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        delete_before_the_confirm,
        drop_mandatory,
        take_errors_for_confirms,
        deduplicate_by_row_id,
        pass_the_floor_by_xmin,
        have_little_patience,
        credit_a_late_ack,
        ignore_the_sequence,
        take_commands_as_they_come,
        wait_for_an_unreadable_command,
        move_the_offset_alone,
        ignore_the_version,
    )
}

if __name__ == "__main__":
    observe()
    BUGS[sys.argv[1]]()
    run(sys.argv[2:])
