"""What is held back for a while, and until when: pure.

A message that was returned or refused stays in the outbox, and what is behind it in its order stays with it: the whole
target when the broker knows no such queue, the subject when the queue did not want the message or it cannot be sent.
Each try that fails again waits twice as long, up to a limit; everything else flows on. A block ends with the message
for which it began: when that has gone from the outbox, whoever took it, there is nothing to hold back any more.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum

from infirmary_relay.delivery import Receipts
from infirmary_relay.message import KEY, SUBJECT, TARGET, Key, Row
from infirmary_relay.sources.source import Blocked
from infirmary_relay.trouble import Reason, Trouble

FIRST_DELAY_S, LONGEST_DELAY_S = 0.05, 1.0
"""Short, so that everything goes on within two seconds of the broker's recovery."""
LONGEST_TARGET_DELAY_S, _PART_OF_AGE = 30.0, 60
"""A target that has been missing for long is looked for at every 60th of that time, down to twice a minute."""
CULPRIT_DELAY_S, LONGEST_CULPRIT_DELAY_S = 30.0, 600.0
"""Long, because each try costs a connection, or a line in the log."""
MOST_SUBJECTS = 100
"""When more subjects of one target are refused, it is the target that refuses."""
_TRIAL_S = 5.0
"""A block that was lifted and has not failed again for so long is over."""
MOST_REASONS = 50
"""More of them, of one kind, tell people nothing more."""
_SHOWN = 120
"""Characters of a name that are shown."""


class Kind(Enum):
    """What a block holds back."""

    TARGET = "target"
    SUBJECT = "subject"


_REASONS = {Kind.TARGET: Reason.TARGET_BLOCKED, Kind.SUBJECT: Reason.SUBJECT_BLOCKED}


@dataclass
class Block:
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


class Blocks:
    """All blocks of one relay; times are those of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[Kind, str], Block] = {}

    def settled(self, rows: Iterable[Row], receipts: Receipts, now: float) -> None:
        """Notes what became of a window: blocks what was returned or refused, and ends the trials of what was not."""
        self.returned(receipts.returned, now)
        self.refused(receipts.refused, now)
        if any(block.on_trial for block in self._blocks.values()):
            confirmed = frozenset(receipts.confirmed)
            self.confirmed(row for row in rows if row[KEY] in confirmed)

    def returned(self, rows: Iterable[Row], now: float) -> None:
        """Blocks the targets of messages that no queue took."""
        for row in _first_by(TARGET, rows):
            self._block(Kind.TARGET, row, "messages are returned: there is no such queue or log now", now)

    def missing(self, row: Row, reason: str | None, now: float) -> None:
        """Blocks the target of a message when it cannot be used, or (reason None) until it is known whether it can."""
        self._block(Kind.TARGET, row, reason, now)

    def still_missing(self, block: Block, reason: str, now: float) -> None:
        """Notes that a target that was looked at again cannot be used."""
        age_s = now - block.since
        longest_s = min(max(LONGEST_DELAY_S, age_s / _PART_OF_AGE), LONGEST_TARGET_DELAY_S)
        block.reason, block.delay_s = reason, min(2 * block.delay_s, longest_s)
        block.until = now + block.delay_s

    def refused(self, rows: Iterable[Row], now: float) -> None:
        """Blocks the subjects of messages that their queue did not want."""
        blocked = [
            self._block(Kind.SUBJECT, row, f"{row[TARGET]} refuses its messages", now)
            for row in _first_by(SUBJECT, rows)
        ]
        if not blocked:
            return
        for block in blocked:
            block.by_queue = True
        refusing = [block for block in self._blocks.values() if block.by_queue]
        targets = [block.target for block in refusing]
        for target in {target for target in targets if targets.count(target) > MOST_SUBJECTS}:
            its = [block for block in refusing if block.target == target]
            row: Row = (its[0].key, target, "", b"", b"", b"")
            self._block(Kind.TARGET, row, "it refuses messages of many subjects", now)
            for block in its:
                del self._blocks[block.kind, block.name]

    def unfit(self, row: Row, words: str, now: float) -> None:
        """Blocks the subject of a message that cannot be sent."""
        self._block(Kind.SUBJECT, row, words, now, first_s=CULPRIT_DELAY_S, longest_s=LONGEST_CULPRIT_DELAY_S)

    def culprit(self, row: Row, words: str, now: float) -> None:
        """Blocks the subject of a message over which the broker ends the connection."""
        self.unfit(row, words, now)
        self._blocks[Kind.SUBJECT, row[SUBJECT]].alone = True

    def confirmed(self, rows: Iterable[Row]) -> None:
        """Ends the trials of everything of which a message was confirmed."""
        for row in rows:
            for key in ((Kind.TARGET, row[TARGET]), (Kind.SUBJECT, row[SUBJECT])):
                if key in self._blocks and self._blocks[key].on_trial:
                    del self._blocks[key]

    def due(self, now: float) -> list[Block]:
        """Returns the blocks whose delay is over; they hold until `lift`."""
        if not self._blocks:
            return []
        for key, block in list(self._blocks.items()):
            if block.on_trial and block.until <= now:
                del self._blocks[key]
        return [block for block in self._blocks.values() if not block.on_trial and block.until <= now]

    def lift(self, block: Block, now: float) -> None:
        """Puts a block on trial: its messages are tried again."""
        block.on_trial, block.until = True, now + _TRIAL_S

    def hurry(self, now: float) -> None:
        """Notes a new connection to the broker: what a target was before says nothing of what it is now."""
        for block in self._blocks.values():
            if block.kind is Kind.TARGET and not block.on_trial:
                block.delay_s, block.until = FIRST_DELAY_S, min(block.until, now)

    def keys(self) -> list[Key]:
        """Returns the messages for which the blocks began."""
        return [block.key for block in self._blocks.values()]

    def keep(self, present: AbstractSet[Key]) -> bool:
        """Ends the blocks whose message is not among those that are still there; True when there are any."""
        gone = [name for name, block in self._blocks.items() if block.key not in present]
        for name in gone:
            del self._blocks[name]
        return bool(gone)

    def current(self) -> Blocked:
        """Returns what the next fetch leaves out."""
        return _names(block for block in self._blocks.values() if not block.on_trial)

    def known(self) -> Blocked:
        """Returns what something is known against, on trial or not: nobody expects it to be delivered."""
        return _names(block for block in self._blocks.values() if block.reason is not None)

    def troubles(self) -> list[Trouble]:
        """Says what is held back and why."""
        return [trouble for kind in Kind for trouble in self._troubles_of(kind)] if self._blocks else []

    def _troubles_of(self, kind: Kind) -> list[Trouble]:
        held = [block for block in self._blocks.values() if block.kind is kind and block.reason is not None]
        words = [f"{kind.value} {block.name[:_SHOWN]}: {block.reason}" for block in held[:MOST_REASONS]]
        if len(held) > MOST_REASONS:
            words.append(f"and {len(held) - MOST_REASONS} more {kind.value}s")
        return [Trouble(_REASONS[kind], each) for each in words]

    def count(self, kind: Kind) -> int:
        """Returns how many of a kind are held back or on trial."""
        return sum(block.kind is kind and block.reason is not None for block in self._blocks.values())

    def _block(
        self,
        kind: Kind,
        row: Row,
        reason: str | None,
        now: float,
        *,
        first_s: float = FIRST_DELAY_S,
        longest_s: float = LONGEST_DELAY_S,
    ) -> Block:
        name = row[TARGET] if kind is Kind.TARGET else row[SUBJECT]
        before = self._blocks.get((kind, name))
        delay_s = first_s if before is None else min(2 * before.delay_s, longest_s)
        delay_s = max(delay_s, first_s)
        since = now if before is None else before.since
        block = Block(kind, name, row[TARGET], row[KEY], reason, delay_s, now + delay_s, since)
        self._blocks[kind, name] = block
        return block


def _names(blocks: Iterable[Block]) -> Blocked:
    names: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for block in blocks:
        names[block.kind].add(block.name)
    return Blocked(targets=frozenset(names[Kind.TARGET]), subjects=frozenset(names[Kind.SUBJECT]))


def _first_by(column: int, rows: Iterable[Row]) -> Iterable[Row]:
    """Returns the first message of each target or subject."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(str(row[column]), row)
    return first.values()
