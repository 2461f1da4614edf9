"""What is held back for a while, and until when: pure.

A message that was returned or refused stays in the outbox, and what is behind it in its order stays with it: the whole
target when the broker knows no such queue, the subject when the queue did not want the message. Each try that fails
again waits twice as long, up to a limit; everything else flows on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from relay.delivery import Receipts
from relay.message import KEY, SUBJECT, TARGET, Row
from relay.sources.source import Blocked

FIRST_DELAY_S, LONGEST_DELAY_S = 0.05, 1.0
"""Short, so that everything goes on within two seconds of the broker's recovery."""
CULPRIT_DELAY_S, LONGEST_CULPRIT_DELAY_S = 30.0, 600.0
"""Long, because each try costs a connection."""
MOST_SUBJECTS = 100
"""When more subjects of one target are refused, it is the target that refuses."""
_TRIAL_S = 5.0
"""A block that was lifted and has not failed again for so long is over."""


class Kind(Enum):
    """What a block holds back."""

    TARGET = "target"
    SUBJECT = "subject"


@dataclass
class Block:
    """One target or subject that is held back, or on trial after having been."""

    kind: Kind
    name: str
    target: str
    reason: str
    delay_s: float
    until: float
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
        for target in {row[TARGET] for row in rows}:
            self._block(Kind.TARGET, target, target, "messages are returned: there is no such queue or log now", now)

    def missing(self, target: str, reason: str, now: float) -> None:
        """Blocks a target that can not be declared."""
        self._block(Kind.TARGET, target, target, reason, now)

    def refused(self, rows: Iterable[Row], now: float) -> None:
        """Blocks the subjects of messages that their queue did not want."""
        for subject, target in {row[SUBJECT]: row[TARGET] for row in rows}.items():
            self._block(Kind.SUBJECT, subject, target, f"{target} refuses its messages", now)
        refusing = [block.target for block in self._blocks.values() if block.kind is Kind.SUBJECT]
        for target in {target for target in refusing if refusing.count(target) > MOST_SUBJECTS}:
            self._block(Kind.TARGET, target, target, "it refuses messages of many subjects", now)
            for block in [b for b in self._blocks.values() if b.kind is Kind.SUBJECT and b.target == target]:
                del self._blocks[block.kind, block.name]

    def culprit(self, row: Row, words: str, now: float) -> None:
        """Blocks the subject of a message over which the broker ends the connection."""
        subject = row[SUBJECT]
        block = self._block(
            Kind.SUBJECT, subject, row[TARGET], words, now, first_s=CULPRIT_DELAY_S, longest_s=LONGEST_CULPRIT_DELAY_S
        )
        block.alone = True

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

    def current(self) -> Blocked:
        """Returns what the next fetch leaves out."""
        held = [block for block in self._blocks.values() if not block.on_trial]
        return Blocked(
            targets=frozenset(block.name for block in held if block.kind is Kind.TARGET),
            subjects=frozenset(block.name for block in held if block.kind is Kind.SUBJECT),
        )

    def reasons(self) -> list[str]:
        """Says what is held back and why, for people."""
        return [f"{block.kind.value} {block.name}: {block.reason}" for block in self._blocks.values()]

    def count(self, kind: Kind) -> int:
        """Returns how many of a kind are held back or on trial."""
        return sum(block.kind is kind for block in self._blocks.values())

    def _block(
        self,
        kind: Kind,
        name: str,
        target: str,
        reason: str,
        now: float,
        *,
        first_s: float = FIRST_DELAY_S,
        longest_s: float = LONGEST_DELAY_S,
    ) -> Block:
        before = self._blocks.get((kind, name))
        delay_s = first_s if before is None else min(2 * before.delay_s, longest_s)
        delay_s = max(delay_s, first_s)
        block = Block(kind, name, target, reason, delay_s, now + delay_s)
        self._blocks[kind, name] = block
        return block
