"""A client's share of a hospital that others use at the same time: as if the hospital held nothing else. Pure.

The checks judge a hospital at rest, and one in use never is. What one client has brought about can be at rest, though,
and is known by its correlation ids, which begin alike. Of that share every rule can be asked, once its offsets are
counted as if the logs held nothing but it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from audit.facts import DatabaseState, LogMessage
from audit.ledger import Ledger
from audit.log_parts import parsed

Logs = Mapping[str, Sequence[LogMessage]]


RECORD = "AccessRecorded"
"""The type of what tells a record of access."""


def without_record(logs: Logs) -> Logs:
    """Returns a share without the record of access, whose subjects are threads that answer everybody."""
    told = {stem: [each for each in messages if each.type != RECORD] for stem, messages in logs.items()}
    return {stem: told[stem] for stem, messages in logs.items() if told[stem] or not messages}


def recounted(logs: Logs) -> dict[str, tuple[LogMessage, ...]]:
    """Returns the messages of a share with their offsets counted from 0 in each part of a log."""
    return {stem: _recounted(messages) for stem, messages in logs.items()}


def positions(readers: Mapping[str, int | None], logs: Logs) -> dict[str, int | None]:
    """Returns how far readers are in a share, in offsets as `recounted` gives them.

    Args:
        readers: The last offset applied, by log or part of a log.
        logs: The share's messages, with the offsets that they have in the logs.
    """
    found: dict[str, int | None] = {}
    for log, last_offset in readers.items():
        stem, part = parsed(log)
        ours = [message.offset for message in logs.get(stem, ()) if message.part == part]
        passed = sum(last_offset is not None and offset <= last_offset for offset in ours)
        found[log] = passed - 1 if passed else None
    return found


def as_if_alone(state: DatabaseState, logs: Logs) -> DatabaseState:
    """Returns the state of a database for a share, with the readers' positions counted in the share."""
    return replace(state, readers=positions(state.readers, logs))


def subjects_of(logs: Logs, ledger: Ledger) -> list[str]:
    """Returns whatever a share's messages can be about, as far as it is known."""
    told = {*ledger.names, *ledger.prescriptions, *ledger.lab_results, *ledger.admissions}
    named = {message.subject for messages in logs.values() for message in messages}
    return sorted(named | {str(each) for each in told} | ledger.medications | set(ledger.beds))


def _recounted(messages: Sequence[LogMessage]) -> tuple[LogMessage, ...]:
    counts: dict[int, int] = {}
    found = []
    for message in messages:
        offset = counts.get(message.part, 0)
        counts[message.part] = offset + 1
        found.append(replace(message, offset=offset))
    return tuple(found)
