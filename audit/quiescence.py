"""Says what is still going on in a hospital. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from audit.facts import DatabaseState, LogMessage
from audit.log_parts import name_of, parsed


@dataclass(frozen=True, slots=True)
class Look:
    """A quick look at all services, taken while they may be at work.

    Attributes:
        databases: By service, without finished sagas and sequences.
        given_out: How many messages were written to each log, by its stem; only where that is kept.
        logs: What was read of each log so far, by its stem.
        away: What could not be looked at, and why.
    """

    databases: Mapping[str, DatabaseState]
    given_out: Mapping[str, int]
    logs: Mapping[str, Sequence[LogMessage]]
    away: Sequence[str] = field(default_factory=list)


def still_open(look: Look) -> list[str]:
    """Returns what has still to happen until the hospital is at rest; nothing when it is."""
    found = list(look.away)
    for service, state in look.databases.items():
        found += _of_service(service, state)
        found += _of_readers(service, state, look.logs)
    for stem, given_out in look.given_out.items():
        messages = look.logs.get(stem, ())
        if not beginning_expired(messages) and messages_in(messages) < given_out:
            found.append(f"{given_out - messages_in(messages)} messages are not in {name_of(stem, 0)} yet")
    return found


def messages_in(messages: Sequence[LogMessage]) -> int:
    """Returns how many different messages a log holds, repeats not counted."""
    last: dict[str, int] = {}
    for message in messages:
        if message.sequence is not None:
            last[message.subject] = max(message.sequence, last.get(message.subject, 0))
    return sum(last.values())


def _of_service(service: str, state: DatabaseState) -> list[str]:
    found = []
    if state.outbox:
        found.append(f"{service}: {state.outbox} messages in its outbox")
    if state.held:
        errors = sorted({held.error or "waiting for the one before" for held in state.held})
        found.append(f"{service}: {len(state.held)} messages parked or waiting: {'; '.join(errors)}")
    running = [saga for saga in state.sagas if saga.status in ("running", "compensating")]
    if running:
        example = running[0]
        found.append(f"{service}: {len(running)} sagas under way, for example {example.saga_id}: {dict(example.steps)}")
    return found


def _of_readers(service: str, state: DatabaseState, logs: Mapping[str, Sequence[LogMessage]]) -> list[str]:
    found = []
    for log, last_offset in state.readers.items():
        end = end_of(log, logs)
        if last_offset != end:
            found.append(f"{service}: has read {log} up to {last_offset}, it ends at {end}")
    return found


def end_of(log: str, logs: Mapping[str, Sequence[LogMessage]]) -> int | None:
    """Returns the last offset of a log, or of a part of one; None while it is empty."""
    stem, part = parsed(log)
    return next((message.offset for message in reversed(logs.get(stem, ())) if message.part == part), None)


def beginning_expired(messages: Sequence[LogMessage]) -> bool:
    """Says whether retention has removed a log's first messages, in any of its parts."""
    first: dict[int, int] = {}
    for message in messages:
        first.setdefault(message.part, message.offset)
    return any(offset > 0 for offset in first.values())
