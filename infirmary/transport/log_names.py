"""The names of logs, and who reads which part of one. Pure.

A log has one writer, and its name begins with the writer's: `<service>.events` tells everybody, `<service>.to.<peer>`
carries commands and replies to that peer alone. One that has outgrown a single reader is split into parts, each a
stream of its own.

Part 0 has the log's own name, so a log that was never split is a log with one part. A message's part is its outbox
partition modulo the number of parts. That number is a power of two and only grows: the messages of a part then move to
the part itself and to later ones, and where a subject came from is known from its part alone.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from zlib import crc32

MOST_PARTS: Final = 64
"""As many as an outbox has partitions: a part with less than one would never get a message."""

NUMBERS_OF_PARTS: Final = (1, 2, 4, 8, 16, 32, 64)

_LOG = re.compile(r"(?P<log>(?P<writer>[^.]+)\.(?P<kind>events|to\.[^.]+))(?:\.(?P<part>[1-9][0-9]?))?")
_OLD_QUEUE: Final = ".inbox"


class LogName(NamedTuple):
    """What the name of a log, or of a part of one, says.

    Attributes:
        log: The whole log's name, which is also that of its part 0.
        writer: The service that writes it.
        of_commands: Whether it carries commands and replies to one peer, and not events for everybody.
        part: Which part of the log is meant.
    """

    log: str
    writer: str
    of_commands: bool
    part: int

    @property
    def sequence_scope(self) -> str:
        """What the sequences of its subjects are kept under: the writer of events, or the log of commands."""
        return self.log if self.of_commands else self.writer


def events_of(service: str) -> str:
    """Returns the name of the log in which a service tells everybody what has happened."""
    return f"{service}.events"


def log_to(service: str, peer: str) -> str:
    """Returns the name of the log that carries a service's commands and replies to a peer."""
    return f"{service}.to.{peer}"


def logs_of_access(service: str, recorded_by: str | None) -> list[str]:
    """Returns the log in which a service tells its record of access: one to the service that keeps it, or none."""
    return [] if recorded_by is None else [log_to(service, recorded_by)]


def old_queue_of(service: str) -> str:
    """Returns the name of the queue in which a service got its commands and replies before there were logs of them."""
    return f"{service}{_OLD_QUEUE}"


def is_old_queue(channel: str) -> bool:
    """Says whether a name is that of such a queue, and no log's."""
    return channel.endswith(_OLD_QUEUE)


def carries_commands(channel: str) -> bool:
    """Says whether commands and replies come in a log, or in a queue of the release before."""
    return is_old_queue(channel) or parsed(channel).of_commands


def scope_of(channel: str) -> str:
    """Returns what the sequences of a log's subjects are kept under; a queue of the release before has none."""
    return channel if is_old_queue(channel) else parsed(channel).sequence_scope


def writer_of(channel: str) -> str | None:
    """Returns the service that writes a log; None for a queue of the release before, whose messages have no places."""
    return None if is_old_queue(channel) else parsed(channel).writer


def part_name(log: str, part: int) -> str:
    """Returns the name of a part of a log."""
    return f"{log}.{part}" if part else log


@lru_cache(maxsize=4096)
def parsed(name: str) -> LogName:
    """Returns what a name says.

    Raises:
        ValueError: It is not the name of a log.
    """
    found = _LOG.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is not the name of a log")
    return LogName(found["log"], found["writer"], found["kind"] != "events", int(found["part"] or 0))


def check_number(parts: int) -> int:
    """Returns the number of parts if a log can have so many.

    Raises:
        ValueError: It is no power of two.
    """
    if parts not in NUMBERS_OF_PARTS:
        raise ValueError("should be a power of two: 1, 2, 4, 8, 16, 32 or 64")
    return parts


def home(partition: int, parts: int) -> int:
    """Returns the part that the messages of an outbox partition go to."""
    return partition % parts


def earlier_homes(name: str) -> list[str]:
    """Returns the parts where the subjects of a part were, while the log had fewer; all are below the part itself."""
    log, part = parsed(name).log, parsed(name).part
    return [part_name(log, each) for each in sorted({part % parts for parts in (1, 2, 4, 8, 16, 32) if parts <= part})]


def is_read_by(name: str, rank: int, readers: int) -> bool:
    """Says whether a part is this reader's, when all parts of a log are shared out among those that live.

    Args:
        name: The part's name.
        rank: The reader's place among the living, from 0.
        readers: How many live.
    """
    of_it = parsed(name)
    # Each log begins with another reader: otherwise the first would get one more of every log.
    return (of_it.part + crc32(of_it.sequence_scope.encode())) % readers == rank
