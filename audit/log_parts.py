"""The names of the parts that a log may be split into, from docs/outbox-contract.md."""

import re

_LOG = re.compile(r"^(?P<publisher>.+)\.events(?:\.(?P<part>[1-9][0-9]?))?$")


def name_of(publisher: str, part: int) -> str:
    """Returns the name of a part of a log; part 0 has the log's own name."""
    return f"{publisher}.events.{part}" if part else f"{publisher}.events"


def parsed(log: str) -> tuple[str, int]:
    """Returns the publisher and the part that a name means.

    Raises:
        ValueError: It is not the name of a log.
    """
    found = _LOG.match(log)
    if found is None:
        raise ValueError(f"{log} is not the name of a log")
    return found["publisher"], int(found["part"] or 0)
