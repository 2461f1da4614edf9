"""A log that has outgrown one reader is split into parts, each a stream of its own. Pure: names and who reads what.

Part 0 has the log's own name, so a log that was never split is a log with one part. An event's part is its outbox
partition modulo the number of parts. That number is a power of two and only grows: the events of a part then move to
the part itself and to later ones, and where a subject came from is known from its part alone.
"""

import re
from zlib import crc32

MOST_PARTS = 64
"""As many as an outbox has partitions: a part with less than one would never get an event."""

NUMBERS_OF_PARTS = (1, 2, 4, 8, 16, 32, 64)

_LOG = re.compile(r"^(?P<publisher>.+)\.events(?:\.(?P<part>[1-9][0-9]?))?$")


def check_number(parts: int) -> int:
    """Returns the number of parts if a log can have so many.

    Raises:
        ValueError: It is no power of two.
    """
    if parts not in NUMBERS_OF_PARTS:
        raise ValueError("should be a power of two: 1, 2, 4, 8, 16, 32 or 64")
    return parts


def name_of(publisher: str, part: int = 0) -> str:
    """Returns the name of a part of a service's log."""
    return f"{publisher}.events.{part}" if part else f"{publisher}.events"


def is_log(channel: str) -> bool:
    """Says whether a name is that of a log or a part of one, and not that of an inbox."""
    return _LOG.match(channel) is not None


def publisher_of(log: str) -> str:
    """Returns whose log it is, from the name of any of its parts.

    Raises:
        ValueError: It is no log.
    """
    return _parsed(log)[0]


def part_of(log: str) -> int:
    """Returns which part of its log a name means.

    Raises:
        ValueError: It is no log.
    """
    return _parsed(log)[1]


def home(partition: int, parts: int) -> int:
    """Returns the part that the events of an outbox partition go to."""
    return partition % parts


def earlier_homes(part: int) -> list[int]:
    """Returns where the subjects of a part were, while the log had fewer parts; all are below the part itself."""
    return sorted({part % parts for parts in (1, 2, 4, 8, 16, 32) if parts <= part})


def is_read_by(log: str, rank: int, readers: int) -> bool:
    """Says whether a part is this reader's, when all parts of a log are shared out among those that live.

    Args:
        log: The part's name.
        rank: The reader's place among the living, from 0.
        readers: How many live.
    """
    publisher, part = _parsed(log)
    # Each log begins with another reader: otherwise the first would get one more of every log.
    return (part + crc32(publisher.encode())) % readers == rank


def _parsed(log: str) -> tuple[str, int]:
    found = _LOG.match(log)
    if found is None:
        raise ValueError(f"{log} is not the name of a log")
    return found["publisher"], int(found["part"] or 0)
