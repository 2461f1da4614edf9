"""Messages that were published together, and what the broker has said of each. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from infirmary_relay.message import KEY, MESSAGE_ID, TARGET, Key, Row

PENDING, _CONFIRMED, _RETURNING, _RETURNED, _REFUSED = range(5)
_OPEN = bytes([PENDING, _RETURNING])
ON_ACK = bytes([_CONFIRMED, _CONFIRMED, _RETURNED, _RETURNED, _REFUSED]).ljust(256, b"\xff")
ON_NACK = bytes([_REFUSED, _CONFIRMED, _RETURNED, _RETURNED, _REFUSED]).ljust(256, b"\xff")
_ON_RETURN = bytes([_RETURNED, _CONFIRMED, _RETURNED, _RETURNED, _REFUSED]).ljust(256, b"\xff")


class ImpossibleReceiptError(Exception):
    """The broker acknowledged what was never sent, or twice: nothing that this channel says can be trusted any more."""


class Receipts(NamedTuple):
    """What became of a window: every message of it is in exactly one of the three."""

    confirmed: list[Key]
    """A log or queue has it."""
    returned: list[Row]
    """There is no such log or queue, or it cannot be written now."""
    refused: list[Row]
    """It was not wanted."""


class Window:
    """Messages published together under consecutive numbers."""

    __slots__ = (
        "_outcomes",
        "_settled_to",
        "_unsettled",
        "first_tag",
        "looks",
        "published_at",
        "rows",
        "settled_at",
        "tainted",
        "wrong",
    )

    def __init__(self, first_tag: int, rows: Sequence[Row]) -> None:
        self.first_tag = first_tag
        self.rows = rows
        self.published_at = self.settled_at = 0.0
        """When it was written, and when the broker had said what became of every message, by the monotonic clock."""
        self.tainted = False
        """Whether any message of it was returned or refused so far."""
        self.looks: dict[str, int] | None = None
        """The looks at its targets that its end waits for."""
        self.wrong: dict[str, str] = {}
        """Its targets that were something else when they confirmed it, and what."""
        self._outcomes = bytearray(len(rows))
        self._settled_to = 0
        self._unsettled = len(rows)

    @property
    def last_tag(self) -> int:
        """The number of the window's last message."""
        return self.first_tag + len(self.rows) - 1

    @property
    def is_settled(self) -> bool:
        """Whether the broker has said what became of every message."""
        return self._unsettled == 0

    @property
    def waits_for(self) -> tuple[int, int]:
        """Which window this is, and of how many messages the broker has said nothing."""
        return self.first_tag, self._unsettled

    def awaited(self) -> set[str]:
        """The targets of the messages of which the broker has said nothing."""
        both = zip(self.rows, self._outcomes, strict=True)
        return {row[TARGET] for row, outcome in both if outcome == PENDING}

    def settle(self, tag: int, *, multiple: bool, transition: bytes) -> None:
        """Notes an ack or nack of `tag` (and with `multiple` of all before it)."""
        end = min(tag, self.last_tag) - self.first_tag + 1
        if not multiple:
            self._settle(end - 1, end, transition)
            return
        before = self._outcomes[self._settled_to : end]
        self._settle_from(self._settled_to, end, before, transition)
        self._settled_to = max(self._settled_to, end)

    def settle_run(self, first: int, last: int, transition: bytes) -> None:
        """Notes what became of the messages from one number to another, as far as they are of this window."""
        self._settle(max(0, first - self.first_tag), min(last, self.last_tag) - self.first_tag + 1, transition)

    def unreachable(self, target: str, reason: str) -> None:
        """Notes that nothing more will be said of what goes to `target`, and why: it counts as returned."""
        for at, row in enumerate(self.rows):
            if row[TARGET] == target and self._outcomes[at] == PENDING:
                self._settle(at, at + 1, _ON_RETURN)
                self.wrong[target] = reason

    def _settle(self, start: int, end: int, transition: bytes) -> None:
        before = self._outcomes[start:end]
        if before.strip(_OPEN):
            raise ImpossibleReceiptError(f"message {self.first_tag + start} or one behind it was acknowledged twice")
        self._settle_from(start, end, before, transition)

    def _settle_from(self, start: int, end: int, before: bytearray, transition: bytes) -> None:
        self._unsettled -= before.count(PENDING) + before.count(_RETURNING)
        self._outcomes[start:end] = after = before.translate(transition)
        self.tainted = self.tainted or _REFUSED in after or _RETURNED in after

    def returned(self, message_id: bytes) -> bool:
        """Notes a basic.return; False when no message of this id is waiting for its acknowledgement here."""
        for at, row in enumerate(self.rows):
            if row[MESSAGE_ID] == message_id and self._outcomes[at] == PENDING:
                self._outcomes[at] = _RETURNING
                self.tainted = True
                return True
        return False

    def returned_all(self, target: str) -> None:
        """Notes a basic.return of everything unsettled that goes to `target`."""
        for at, row in enumerate(self.rows):
            if row[TARGET] == target and self._outcomes[at] == PENDING:
                self._outcomes[at] = _RETURNING
                self.tainted = True

    def confirmed_by_others(self, wrong: dict[str, str]) -> None:
        """Notes that these targets were not what their names say: what they confirmed counts as returned."""
        self.wrong = wrong
        self.tainted = self.tainted or bool(wrong)
        for at, row in enumerate(self.rows) if wrong else ():
            if row[TARGET] in wrong and self._outcomes[at] == _CONFIRMED:
                self._outcomes[at] = _RETURNED

    def receipts(self) -> Receipts:
        """Sorts the messages of a settled window by what became of them."""
        if not self.tainted:
            return Receipts([row[KEY] for row in self.rows], [], [])
        by_outcome: dict[int, list[Row]] = {_CONFIRMED: [], _RETURNED: [], _REFUSED: []}
        for row, outcome in zip(self.rows, self._outcomes, strict=True):
            by_outcome[outcome].append(row)
        confirmed = [row[KEY] for row in by_outcome[_CONFIRMED]]
        return Receipts(confirmed, by_outcome[_RETURNED], by_outcome[_REFUSED])
