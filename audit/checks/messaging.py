"""Nothing is on its way any more, nothing was lost, nothing is out of order."""

from collections.abc import Iterator
from itertools import count, islice

from audit.checks.forgotten_sagas import forgotten
from audit.facts import DatabaseState, Facts, LogMessage
from audit.ledger import Ledger
from audit.log_parts import is_of_commands, name_of, parsed, writer_of
from audit.quiescence import beginning_expired, end_of
from audit.violation import Violation

OUTBOXES = "every outbox is empty"
READERS = "every reader is at the end of its logs"
HELD = "nothing is parked and nothing waits"
SEQUENCES = "sequences run 1, 2, 3 ... without a gap"
APPLIED = "every reader has applied every message"
COMPLETE = "everything that a rule needs was looked at"

SHOWN = 20
"""How many missing sequences of a subject are named."""


def everything_was_seen(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Nothing that a rule speaks of was out of reach."""
    for unseen in facts.unseen:
        if unseen.hides:
            yield Violation(COMPLETE, f"{unseen.service}, {unseen.what}", unseen.why)


def outboxes_are_empty(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Every message has left."""
    for service, state in facts.databases.items():
        if state.outbox:
            yield Violation(OUTBOXES, f"{service}, outbox", f"{state.outbox} messages")


def nothing_is_held(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """No message waits in a service's database."""
    for service, state in facts.databases.items():
        for held in state.held:
            why = f"parked: {held.error}" if held.error else "waits for the one before it"
            yield Violation(HELD, f"{service}, {held.channel}, subject {held.subject}", f"{held.type} {why}")


def readers_are_at_the_end(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Every reader has come to the last message of each log that it must read."""
    for service, state in facts.databases.items():
        for stem in facts.reads.get(service, ()):
            if name_of(stem, 0) not in state.readers:
                yield Violation(READERS, service, f"has no reader of {name_of(stem, 0)}")
        for log, last_offset in state.readers.items():
            end = end_of(log, facts.logs)
            if last_offset != end:
                yield Violation(READERS, f"{service}, {log}", f"has read up to {last_offset}, the log ends at {end}")


def sequences_are_contiguous(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """In every log, for every subject: in order, without a gap, no number twice but in a repeat of the same message.

    Between the parts of a split log there is no order; what has to hold there is that nothing is missing.
    """
    for stem, messages in facts.logs.items():
        expired = beginning_expired(messages)
        is_split = any(message.part for message in messages)
        seen: dict[str, dict[int, LogMessage]] = {}
        for message in messages:
            where = f"{name_of(stem, message.part)} at {message.offset}, subject {message.subject}"
            if message.sequence is None or message.source != writer_of(stem):
                what = f"{message.type} of {message.source!r} is no numbered message of {writer_of(stem)}"
                yield Violation(SEQUENCES, where, what)
                continue
            earlier = seen.setdefault(message.subject, {})
            wrong = _overtaken(message, earlier) if is_split else _out_of_line(message, earlier, expired)
            if wrong:
                yield Violation(SEQUENCES, where, wrong)
            earlier.setdefault(message.sequence, message)
        if is_split:
            yield from _missing_between(stem, seen, expired)
        yield from _missing_from_log(stem, seen, facts, expired)


def _out_of_line(message: LogMessage, earlier: dict[int, LogMessage], beginning_expired: bool) -> str | None:
    sequence = message.sequence or 0
    if sequence in earlier:
        return _another(message, earlier[sequence])
    expected = max(earlier) + 1 if earlier else 1
    if sequence == expected or (beginning_expired and not earlier):
        return None
    return f"{message.type} has {sequence}, expected was {expected}"


def _another(message: LogMessage, earlier: LogMessage) -> str | None:
    """Says what is wrong with a number that comes again; a repeat of the same message is allowed."""
    same = earlier.message_id == message.message_id
    return None if same else f"{message.sequence} is {message.type}, and was {earlier.type} at {earlier.offset}"


def _overtaken(message: LogMessage, earlier: dict[int, LogMessage]) -> str | None:
    sequence = message.sequence or 0
    if sequence in earlier:
        return _another(message, earlier[sequence])
    last = max((number for number, each in earlier.items() if each.part == message.part), default=0)
    return None if sequence > last else f"{message.type} has {sequence}, and {last} came before it"


def _missing_between(stem: str, seen: dict[str, dict[int, LogMessage]], expired: bool) -> Iterator[Violation]:
    for subject, found in seen.items():
        first = min(found) if expired else 1
        lacking = max(found) - first + 1 - len(found)
        if lacking > 0:
            missing = list(islice((each for each in count(first) if each not in found), min(lacking, SHOWN)))
            more = f" and {lacking - SHOWN} more" if lacking > SHOWN else ""
            what = f"{missing}{more} are in none of its parts"
            yield Violation(SEQUENCES, f"{name_of(stem, 0)}, subject {subject}", what)


def _missing_from_log(
    stem: str, seen: dict[str, dict[int, LogMessage]], facts: Facts, beginning_expired: bool
) -> Iterator[Violation]:
    """Compares the log's end with the numbers that its writer has given out, and remembers: of sagas not for ever."""
    for subject, given in facts.databases.get(writer_of(stem), DatabaseState()).given.get(stem, {}).items():
        last = max(seen.get(subject, {0: None}))
        if last != given and not (beginning_expired and subject not in seen):
            where = f"{name_of(stem, 0)}, subject {subject}"
            yield Violation(SEQUENCES, where, f"ends at {last}, given out were {given}")


def every_event_was_applied(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """The sequence that a reader notes for a subject is the log's last."""
    for service, state in facts.databases.items():
        if "log_sequence" in state.absent:
            continue
        for log in state.readers:
            stem, part = parsed(log)
            if part:
                continue  # the log is looked at as a whole
            last: dict[str, int] = {}
            for message in facts.logs.get(stem, ()):
                last[message.subject] = max(message.sequence or 0, last.get(message.subject, 0))
            remembered = {subject for source, subject in state.applied if source == stem}
            for subject, sequence in last.items():
                applied = state.applied.get((stem, subject), 0)
                if applied != sequence and not (is_of_commands(stem) and forgotten(subject, remembered, facts.at)):
                    where = f"{service}, {log}, subject {subject}"
                    yield Violation(APPLIED, where, f"has applied up to {applied} of {sequence}")
