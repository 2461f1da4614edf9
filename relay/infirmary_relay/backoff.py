"""Backoff: what is held back for a while, and until when. Pure.

A message that was returned or refused stays in the outbox, and what is behind it in its order stays with it: the whole
target when the broker knows no such queue, the subject when the queue did not want the message or it cannot be sent.
Each try that fails again waits twice as long, up to a limit; everything else flows on. A backoff ends with the
message for which it began: when that has gone from the outbox, whoever took it, there is nothing to hold back any more.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum

from infirmary_relay.message import KEY, SUBJECT, TARGET, Key, Row
from infirmary_relay.problem import Problem, Reason
from infirmary_relay.sources.source import HeldBack
from infirmary_relay.window import Receipts

_PART_OF_AGE = 60
"""A target that has been missing for long is looked for at every 60th of that time."""
MOST_SUBJECTS = 100
"""When more subjects of one target are refused, it is the target that refuses."""
_TRIAL_S = 5.0
"""A backoff that was lifted and has not failed again for so long is over."""
MOST_REASONS = 50
"""More of them, of one kind, tell nobody anything more."""
_SHOWN = 120
"""Characters of a name that are shown."""


@dataclass(frozen=True)
class BackoffTimes:
    """How long to wait before the next try, in seconds; the settings RELAY_BACKOFF_... ."""

    first_s: float = 0.05
    """After the first failure; each further one waits twice as long."""
    longest_s: float = 1.0
    """Short, so that everything goes on within two seconds of the broker's recovery."""
    missing_longest_s: float = 30.0
    """For a target that has been missing for long, and for what only an operator can help."""
    poison_first_s: float = 30.0
    """For a message that cannot be sent: each try costs a connection, or a line in the log."""
    poison_longest_s: float = 600.0
    reconnect_longest_s: float = 2.0
    """For a connection to the database or the broker."""


class Kind(Enum):
    """What a backoff holds back."""

    TARGET = "target"
    SUBJECT = "subject"


_REASONS = {Kind.TARGET: Reason.TARGET_BLOCKED, Kind.SUBJECT: Reason.SUBJECT_BLOCKED}


@dataclass
class Backoff:
    """One target or subject that is held back, or on trial after having been."""

    kind: Kind
    name: str
    target: str
    key: Key
    """The message for which it began."""
    reason: str | None
    """None while nothing is known against it: it is only being looked at."""
    delay_s: float
    until: float
    since: float
    by_queue: bool = False
    """Whether it is the queue that did not want the message."""
    alone: bool = False
    """Whether its next try must be the only message in flight."""
    on_trial: bool = False


class Backoffs:
    """All backoffs of one relay; times are those of one monotonic clock, in seconds."""

    def __init__(self, times: BackoffTimes) -> None:
        self._times = times
        self._backoffs: dict[tuple[Kind, str], Backoff] = {}

    def settled(self, rows: Iterable[Row], receipts: Receipts, now: float) -> None:
        """Notes what became of a window: holds back what was returned or refused, ends the trials of what was not."""
        self.returned(receipts.returned, now)
        self.refused(receipts.refused, now)
        if any(backoff.on_trial for backoff in self._backoffs.values()):
            confirmed = frozenset(receipts.confirmed)
            self.confirmed(row for row in rows if row[KEY] in confirmed)

    def returned(self, rows: Iterable[Row], now: float) -> None:
        """Holds back the targets of messages that came back by basic.return: no log or queue took them."""
        for row in _first_by(TARGET, rows):
            self._hold_back(Kind.TARGET, row, "messages are returned: there is no such queue or log now", now)

    def missing(self, row: Row, reason: str | None, now: float) -> None:
        """Holds back the target of a message: it cannot be used, or (reason None) nobody knows yet whether it can."""
        self._hold_back(Kind.TARGET, row, reason, now)

    def still_missing(self, backoff: Backoff, reason: str, now: float) -> None:
        """Notes that a target that was looked at again cannot be used."""
        age_s = now - backoff.since
        longest_s = min(max(self._times.longest_s, age_s / _PART_OF_AGE), self._times.missing_longest_s)
        backoff.reason, backoff.delay_s = reason, min(2 * backoff.delay_s, longest_s)
        backoff.until = now + backoff.delay_s

    def refused(self, rows: Iterable[Row], now: float) -> None:
        """Holds back the subjects of messages for which basic.nack came: their queue did not want them."""
        held = [
            self._hold_back(Kind.SUBJECT, row, f"{row[TARGET]} refuses its messages", now)
            for row in _first_by(SUBJECT, rows)
        ]
        if not held:
            return
        for backoff in held:
            backoff.by_queue = True
        refusing = [backoff for backoff in self._backoffs.values() if backoff.by_queue]
        targets = [backoff.target for backoff in refusing]
        for target in {target for target in targets if targets.count(target) > MOST_SUBJECTS}:
            its = [backoff for backoff in refusing if backoff.target == target]
            row: Row = (its[0].key, target, "", b"", b"", b"")
            self._hold_back(Kind.TARGET, row, "it refuses messages of many subjects", now)
            for backoff in its:
                del self._backoffs[backoff.kind, backoff.name]

    def unfit(self, row: Row, text: str, now: float) -> None:
        """Holds back the subject of a message that cannot be sent."""
        first_s, longest_s = self._times.poison_first_s, self._times.poison_longest_s
        self._hold_back(Kind.SUBJECT, row, text, now, first_s=first_s, longest_s=longest_s)

    def poison(self, row: Row, text: str, now: float) -> None:
        """Holds back the subject of a message over which the broker ends the connection."""
        self.unfit(row, text, now)
        self._backoffs[Kind.SUBJECT, row[SUBJECT]].alone = True

    def confirmed(self, rows: Iterable[Row]) -> None:
        """Ends the trials of everything of which a message was confirmed."""
        for row in rows:
            for key in ((Kind.TARGET, row[TARGET]), (Kind.SUBJECT, row[SUBJECT])):
                if key in self._backoffs and self._backoffs[key].on_trial:
                    del self._backoffs[key]

    def due(self, now: float) -> list[Backoff]:
        """The backoffs whose delay is over; they hold until `lift`."""
        if not self._backoffs:
            return []
        for key, backoff in list(self._backoffs.items()):
            if backoff.on_trial and backoff.until <= now:
                del self._backoffs[key]
        return [backoff for backoff in self._backoffs.values() if not backoff.on_trial and backoff.until <= now]

    def lift(self, backoff: Backoff, now: float) -> None:
        """Puts a backoff on trial: its messages are tried again."""
        backoff.on_trial, backoff.until = True, now + _TRIAL_S

    def wake(self, now: float) -> None:
        """Notes a new connection to the broker: what a target was before says nothing of what it is now."""
        for backoff in self._backoffs.values():
            if backoff.kind is Kind.TARGET and not backoff.on_trial:
                backoff.delay_s, backoff.until = self._times.first_s, min(backoff.until, now)

    def keys(self) -> list[Key]:
        """The messages for which the backoffs began."""
        return [backoff.key for backoff in self._backoffs.values()]

    def keep(self, present: AbstractSet[Key]) -> bool:
        """Ends the backoffs whose message is not among those that are still there; True when there are any."""
        gone = [name for name, backoff in self._backoffs.items() if backoff.key not in present]
        for name in gone:
            del self._backoffs[name]
        return bool(gone)

    def current(self) -> HeldBack:
        """What the next fetch leaves out."""
        return _names(backoff for backoff in self._backoffs.values() if not backoff.on_trial)

    def known(self) -> HeldBack:
        """What something is known against, on trial or not: nobody expects it to be delivered."""
        return _names(backoff for backoff in self._backoffs.values() if backoff.reason is not None)

    def problems(self) -> list[Problem]:
        """What is held back, and why."""
        return [problem for kind in Kind for problem in self._problems_of(kind)] if self._backoffs else []

    def _problems_of(self, kind: Kind) -> list[Problem]:
        held = [backoff for backoff in self._backoffs.values() if backoff.kind is kind and backoff.reason is not None]
        text = [f"{kind.value} {backoff.name[:_SHOWN]}: {backoff.reason}" for backoff in held[:MOST_REASONS]]
        if len(held) > MOST_REASONS:
            text.append(f"and {len(held) - MOST_REASONS} more {kind.value}s")
        return [Problem(_REASONS[kind], each) for each in text]

    def count(self, kind: Kind) -> int:
        """How many of a kind are held back or on trial."""
        return sum(backoff.kind is kind and backoff.reason is not None for backoff in self._backoffs.values())

    def _hold_back(
        self,
        kind: Kind,
        row: Row,
        reason: str | None,
        now: float,
        *,
        first_s: float | None = None,
        longest_s: float | None = None,
    ) -> Backoff:
        first_s, longest_s = first_s or self._times.first_s, longest_s or self._times.longest_s
        name = row[TARGET] if kind is Kind.TARGET else row[SUBJECT]
        before = self._backoffs.get((kind, name))
        delay_s = first_s if before is None else min(2 * before.delay_s, longest_s)
        delay_s = max(delay_s, first_s)
        since = now if before is None else before.since
        backoff = Backoff(kind, name, row[TARGET], row[KEY], reason, delay_s, now + delay_s, since)
        self._backoffs[kind, name] = backoff
        return backoff


def _names(backoffs: Iterable[Backoff]) -> HeldBack:
    names: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for backoff in backoffs:
        names[backoff.kind].add(backoff.name)
    return HeldBack(targets=frozenset(names[Kind.TARGET]), subjects=frozenset(names[Kind.SUBJECT]))


def _first_by(column: int, rows: Iterable[Row]) -> Iterable[Row]:
    """The first message of each target or subject."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(str(row[column]), row)
    return first.values()
