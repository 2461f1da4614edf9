"""What became of each message of a channel: the bookkeeping behind "delete exactly the ids confirmed and not returned".

Pure. A broker numbers the messages of a channel 1, 2, 3 ...; it says basic.ack or basic.nack for each number, singly or
for all up to one, and sends basic.return for a message that no queue took *before* it acknowledges it. The numbers end
with the channel, so an acknowledgement that comes late can never be credited to a message of the next one.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from infirmary_relay.message import KEY, MESSAGE_ID, TARGET, Key, Row

_PENDING, _CONFIRMED, _RETURNING, _RETURNED, _REFUSED = range(5)
_ON_ACK = bytes([_CONFIRMED, _CONFIRMED, _RETURNED, _RETURNED, _REFUSED]).ljust(256, b"\xff")
_ON_NACK = bytes([_REFUSED, _CONFIRMED, _RETURNED, _RETURNED, _REFUSED]).ljust(256, b"\xff")


class ImpossibleReceiptError(Exception):
    """The broker acknowledged what was never sent, or twice: nothing that this channel says can be trusted any more."""


class Receipts(NamedTuple):
    """What became of a window: every message of it is in exactly one of the three."""

    confirmed: list[Key]
    """basic.ack: a log or queue has it."""
    returned: list[Row]
    """basic.return: there is no such log or queue."""
    refused: list[Row]
    """basic.nack: its queue did not want it."""


class Window:
    """Messages published together under consecutive delivery tags."""

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
        """The delivery tag of the window's last message."""
        return self.first_tag + len(self.rows) - 1

    @property
    def is_settled(self) -> bool:
        """Whether the broker has said what became of every message."""
        return self._unsettled == 0

    def settle(self, tag: int, *, multiple: bool, transition: bytes) -> None:
        """Notes an ack or nack of `tag` (and with `multiple` of all before it)."""
        end = min(tag, self.last_tag) - self.first_tag + 1
        start = self._settled_to if multiple else end - 1
        if not multiple and self._outcomes[start] not in (_PENDING, _RETURNING):
            raise ImpossibleReceiptError(f"delivery tag {tag} was acknowledged twice")
        before = self._outcomes[start:end]
        open_before = before.count(_PENDING) + before.count(_RETURNING)
        self._outcomes[start:end] = after = before.translate(transition)
        self.tainted = self.tainted or _REFUSED in after
        self._unsettled -= open_before
        if multiple:
            self._settled_to = max(self._settled_to, end)

    def returned(self, message_id: bytes) -> bool:
        """Notes a basic.return; False when no message of this id is waiting for its acknowledgement here."""
        for at, row in enumerate(self.rows):
            if row[MESSAGE_ID] == message_id and self._outcomes[at] == _PENDING:
                self._outcomes[at] = _RETURNING
                self.tainted = True
                return True
        return False

    def returned_all(self, target: str) -> None:
        """Notes a basic.return of everything unsettled that goes to `target`."""
        for at, row in enumerate(self.rows):
            if row[TARGET] == target and self._outcomes[at] == _PENDING:
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


class Confirms:
    """The windows in flight on one channel, oldest first."""

    def __init__(self) -> None:
        self._next_tag = 1
        self._windows: deque[Window] = deque()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def tainted(self) -> bool:
        """Whether a window in flight holds a returned or refused message: then nothing may be sent behind it."""
        return any(window.tainted for window in self._windows)

    def rows(self) -> list[Row]:
        """Every message in flight, in the order of publishing."""
        return [row for window in self._windows for row in window.rows]

    def publish(self, rows: Sequence[Row]) -> Window:
        """Numbers messages that are about to be written to the channel."""
        window = Window(self._next_tag, rows)
        self._next_tag += len(rows)
        self._windows.append(window)
        return window

    def acknowledged(self, tag: int, *, multiple: bool) -> None:
        """Notes a basic.ack.

        Raises:
            ImpossibleReceiptError: for a tag that is not in flight.
        """
        self._settle(tag, multiple=multiple, transition=_ON_ACK)

    def refused(self, tag: int, *, multiple: bool) -> None:
        """Notes a basic.nack.

        Raises:
            ImpossibleReceiptError: for a tag that is not in flight.
        """
        self._settle(tag, multiple=multiple, transition=_ON_NACK)

    def returned(self, message_id: bytes | None, target: str) -> None:
        """Notes a basic.return.

        A header that was not ours may carry another message id than its row; then everything under way to that target
        counts as returned: a message sent twice is dropped by its reader, one deleted unsent is lost.
        """
        if message_id is not None and any(window.returned(message_id) for window in self._windows):
            return
        for window in self._windows:
            window.returned_all(target)

    def settled(self, may_end: Callable[[Window], bool] = lambda _: True) -> list[Window]:
        """Takes out the windows of which every message has its outcome, up to the first of them that may not end."""
        done: list[Window] = []
        for window in self._windows:
            if window.is_settled:
                if not may_end(window):
                    break
                done.append(window)
        for window in done:
            self._windows.remove(window)
        return done

    def _settle(self, tag: int, *, multiple: bool, transition: bytes) -> None:
        last = self._next_tag - 1
        if multiple and tag == 0:
            tag = last
        if not 1 <= tag <= last:
            raise ImpossibleReceiptError(f"delivery tag {tag} was acknowledged, {last} were sent")
        for window in self._windows:
            if window.first_tag > tag:
                break
            if multiple or tag <= window.last_tag:
                window.settle(tag, multiple=multiple, transition=transition)
                if not multiple:
                    return
        if not multiple:
            raise ImpossibleReceiptError(f"delivery tag {tag} was acknowledged after its window had settled")
