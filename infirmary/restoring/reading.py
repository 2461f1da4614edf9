"""Goes through what a service has said in its own logs, from a place on to their ends."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.log_end import LogEnd
from infirmary.consumer.unreadable import Unreadable
from infirmary.restoring.told import Told, told_in
from infirmary.transport.log_names import MOST_PARTS, parsed, part_name

PREFETCH = 3000
BATCH_MESSAGES = 500
"""In one transaction, each of which waits once for the disk."""

WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Piece:
    """Some messages of a log, one after the other.

    Attributes:
        told: What they say, as far as the service has said it.
        messages: How many they are.
        last: The offset of the last one.
        end: The offset of the log's last message; -1 until it is known.
        before: About how many messages the log has held before these, where they are the first that the service has
            said and that are left. The broker's own entries have offsets, too.
    """

    told: list[Told]
    messages: int
    last: int
    end: int
    before: int


def all_parts(broker: LogBroker, logs: list[str]) -> list[str]:
    """Returns logs with all their parts, those of events first.

    A reply tells how a command was answered, and an event what that has changed: the event has to be known before. The
    parts of a log come in their order, in which a subject has moved from one to the next.
    """
    ordered = sorted(logs, key=lambda name: parsed(name).of_commands)
    parts = {log: range(1 if parsed(log).of_commands else MOST_PARTS) for log in ordered}
    return broker.existing([part_name(log, part) for log in ordered for part in parts[log]])


def end_of(broker: LogBroker, log: str) -> int:
    """Returns the offset of a log's last message; -1 where there is none.

    Raises:
        Unreadable: There is no such log, or it cannot be read.
    """
    end = LogEnd(broker, log)
    try:
        while not end.is_reached(sys.maxsize):
            broker.wait(WAIT_S)
            broker.take_in(BATCH_MESSAGES)
            end.look()
    finally:
        end.close()
    return end.offset


def batches(broker: LogBroker, log: str, next_offset: int | None) -> Iterator[tuple[list[Delivery], int]]:
    """Yields a log's messages from an offset on, and the offset of its last one, which is -1 until it is known.

    A log that is not there has none. It ends where it ended when it was asked: nobody writes into it meanwhile.

    Raises:
        Unreadable: The log cannot be read.
        ConnectionError: The broker has moved the log in the middle; begin again behind the last batch.
    """
    try:
        end = LogEnd(broker, log)
        subscription = broker.subscribe(log, PREFETCH, "first" if next_offset is None else next_offset)
    except Unreadable as odd:
        if odd.kind == "missing":
            return
        raise
    read_to = -1 if next_offset is None else next_offset - 1
    try:
        while not end.is_reached(read_to):
            if not subscription.waiting:
                broker.wait(WAIT_S)
            broker.take_in(BATCH_MESSAGES)
            end.look()
            deliveries = subscription.take(BATCH_MESSAGES)
            if deliveries:
                yield deliveries, end.offset
                read_to = max(read_to, deliveries[-1].offset or 0)
                subscription.acknowledge(deliveries[-1])
            elif subscription.cancelled:
                raise ConnectionError(f"{log} was moved or deleted while it was read")
            broker.heartbeat()
    finally:
        end.close()
        if not subscription.cancelled:
            subscription.close()


def pieces(broker: LogBroker, log: str, next_offset: int | None) -> Iterator[Piece]:
    """Yields what a service says in a log, from an offset on; the first that is left of what it has said stands alone.

    Where nobody knows of that one, what the log has held before it may be lost.

    Raises:
        Unreadable: The log cannot be read.
        ConnectionError: As `batches`.
    """
    begins_at = None if next_offset is None else 0
    for deliveries, end in batches(broker, log, next_offset):
        begins_at = (deliveries[0].offset or 0) if begins_at is None else begins_at
        told = [told_in(log, each) for each in deliveries]
        first = next((place for place, each in enumerate(told, 1) if each is not None), 0) if begins_at else 0
        for some, before in ((slice(first), begins_at), (slice(first, None), 0)):
            if deliveries[some]:
                said = [each for each in told[some] if each is not None]
                yield Piece(said, len(deliveries[some]), deliveries[some][-1].offset or 0, end, before)
        begins_at = 0 if first else begins_at
