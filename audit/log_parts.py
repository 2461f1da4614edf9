"""The names of logs and of the parts that one may be split into, from docs/outbox-contract.md.

A log is known here by its stem: `ward` for ward.events, which tells everybody, and `admission.to.ward` for the log of
that name, which carries commands or replies. Either way the stem begins with the log's writer.
"""

import re

_EVENTS = ".events"
_TO_A_PEER = ".to."
_LOG = re.compile(r"(?:(?P<writer>[^.]+)\.events|(?P<log>[^.]+\.to\.[^.]+))(?:\.(?P<part>[1-9][0-9]?))?")


def name_of(stem: str, part: int) -> str:
    """Returns the name of a part of a log; part 0 has the log's own name."""
    log = stem if is_of_commands(stem) else stem + _EVENTS
    return f"{log}.{part}" if part else log


def parsed(log: str) -> tuple[str, int]:
    """Returns the stem and the part that a name means.

    Raises:
        ValueError: It is not the name of a log.
    """
    found = _LOG.fullmatch(log)
    if found is None:
        raise ValueError(f"{log} is not the name of a log")
    return found["writer"] or found["log"], int(found["part"] or 0)


def is_of_commands(stem: str) -> bool:
    """Says whether a log carries commands and replies to one peer, and not events for everybody."""
    return _TO_A_PEER in stem


def writer_of(stem: str) -> str:
    """Returns the service that writes a log."""
    return stem.partition(".")[0]


def counted(writer: str, name: str) -> tuple[str, str]:
    """Returns the stem and the subject whose last number a service notes under a name.

    It counts events under their subject, commands and replies under `<log> <saga id>`.
    """
    log, _, saga_id = name.partition(" ")
    return (log, saga_id) if saga_id and log.startswith(writer + _TO_A_PEER) else (writer, name)
