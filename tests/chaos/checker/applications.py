"""What the consumers applied: per subject in order and without a gap, and nothing twice."""

from collections import Counter
from collections.abc import Iterator, Sequence

from audit.log_parts import name_of
from tests.chaos.checker.finding import Column, Finding, found
from tests.chaos.history import Applied, History

IN_ORDER = "per subject, a consumer applies 1, 2, 3 ..."
ONCE = "a message is applied once"


def applied_in_order(history: History) -> Iterator[Finding]:
    """Looks at each subject of each log, for each service that reads it."""
    for service, applied in history.applied.items():
        subjects: dict[tuple[str, str], list[int]] = {}
        for each in applied:
            if each.sequence is not None:
                subjects.setdefault((each.log, each.subject), []).append(each.sequence)
        for (stem, subject), sequences in subjects.items():
            yield from _one_subject(f"{service}, {name_of(stem, 0)}, subject {subject}", sequences)


def _one_subject(where: str, sequences: Sequence[int]) -> Iterator[Finding]:
    highest, seen = 0, set[int]()
    for sequence in sequences:
        if sequence in seen:
            yield found(Column.DOUBLED, IN_ORDER, where, f"{sequence} was applied again after {highest}")
        elif sequence < highest:
            yield found(Column.REORDERED, IN_ORDER, where, f"{sequence} was applied after {highest}")
        seen.add(sequence)
        highest = max(highest, sequence)
    for missing in sorted(set(range(1, highest + 1)) - seen):
        yield found(Column.LOST, IN_ORDER, where, f"{missing} was never applied, {highest} was")


def applied_once(history: History) -> Iterator[Finding]:
    """Looks at the ids of all messages."""
    for service, applied in history.applied.items():
        times = Counter((each.log, each.message_id) for each in applied)
        for (log, message_id), count in times.items():
            if count > 1:
                yield found(Column.DOUBLED, ONCE, f"{service}, {log}, message {message_id}", f"applied {count} times")


def applied_to_the_end(history: History) -> Iterator[Finding]:
    """Compares what each reader of a log applied with the last sequence that its writer gave out."""
    for service, stems in history.reads.items():
        last = _last_sequences(history.applied.get(service, ()))
        for stem in stems:
            for subject, given in history.given.get(stem, {}).items():
                reached = last.get((stem, subject), 0)
                if reached < given:
                    where = f"{service}, {name_of(stem, 0)}, subject {subject}"
                    yield found(Column.LOST, IN_ORDER, where, f"applied up to {reached}, given out were {given}")


def _last_sequences(applied: Sequence[Applied]) -> dict[tuple[str, str], int]:
    last: dict[tuple[str, str], int] = {}
    for each in applied:
        if each.sequence is not None:
            scope = each.log, each.subject
            last[scope] = max(each.sequence, last.get(scope, 0))
    return last
