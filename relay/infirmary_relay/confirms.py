"""What became of each message of a connection: the bookkeeping behind "delete exactly the ids confirmed".

Pure. The messages of a connection have numbers, 1, 2, 3 ... In AMQP 0-9-1 the broker counts the same way: it says
basic.ack or basic.nack for each number, singly or for all up to one, and sends basic.return for a message that no queue
took *before* it acknowledges it. In the stream protocol the number is the publishing id, and the broker confirms or
fails ids in any order, in lists. The numbers end with the connection, so a confirm that comes late can never be
credited to a message of the next one.
"""

from collections import deque
from collections.abc import Callable, Sequence

from infirmary_relay.message import Row
from infirmary_relay.window import ON_ACK, ON_NACK, ImpossibleReceiptError, Window


class Confirms:
    """The windows in flight on one connection, oldest first."""

    def __init__(self) -> None:
        self._next_tag = 1
        self._windows: deque[Window] = deque()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def tainted(self) -> bool:
        """Whether a window in flight holds a returned or refused message: then nothing may be sent behind it."""
        return any(window.tainted for window in self._windows)

    @property
    def next_number(self) -> int:
        """The number of the first message that is published next."""
        return self._next_tag

    @property
    def oldest_unsettled(self) -> Window | None:
        """The first window of which the broker has not said everything."""
        return next((window for window in self._windows if not window.is_settled), None)

    def rows(self) -> list[Row]:
        """Every message in flight, in the order of publishing."""
        return [row for window in self._windows for row in window.rows]

    def publish(self, rows: Sequence[Row]) -> Window:
        """Numbers messages that are about to be written."""
        window = Window(self._next_tag, rows)
        self._next_tag += len(rows)
        self._windows.append(window)
        return window

    def acknowledged(self, tag: int, *, multiple: bool) -> None:
        """Notes a basic.ack.

        Raises:
            ImpossibleReceiptError: for a tag that is not in flight.
        """
        self._settle(tag, multiple=multiple, transition=ON_ACK)

    def refused(self, tag: int, *, multiple: bool) -> None:
        """Notes a basic.nack.

        Raises:
            ImpossibleReceiptError: for a tag that is not in flight.
        """
        self._settle(tag, multiple=multiple, transition=ON_NACK)

    def returned(self, message_id: bytes | None, target: str) -> None:
        """Notes a basic.return.

        A header that was not ours may carry another message id than its row; then everything under way to that target
        counts as returned: a message sent twice is dropped by its reader, one deleted unsent is lost.
        """
        if message_id is not None and any(window.returned(message_id) for window in self._windows):
            return
        for window in self._windows:
            window.returned_all(target)

    def run_confirmed(self, first: int, last: int) -> None:
        """Notes that the messages from one number to another are in their logs.

        Raises:
            ImpossibleReceiptError: for one that is not in flight.
        """
        self._settle_run(first, last, ON_ACK)

    def run_refused(self, first: int, last: int) -> None:
        """Notes that these were not wanted.

        Raises:
            ImpossibleReceiptError: for one that is not in flight.
        """
        self._settle_run(first, last, ON_NACK)

    def unreachable(self, target: str, reason: str) -> None:
        """Notes that the broker will say nothing more of what goes to `target`: it is to be sent again."""
        for window in self._windows:
            window.unreachable(target, reason)

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

    def _settle_run(self, first: int, last: int, transition: bytes) -> None:
        left = last - first + 1
        for window in self._windows:
            overlap = min(last, window.last_tag) - max(first, window.first_tag) + 1
            if overlap > 0:
                window.settle_run(first, last, transition)
                left -= overlap
        if left:
            raise ImpossibleReceiptError(f"{first} to {last} were acknowledged, of which {left} are not in flight")

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
