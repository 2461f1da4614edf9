"""How far a look at the documents has come, when those at the head give nothing that may be sent: pure.

The query does not leave out all that is held back: a long subject is known by its digest only, and many names or ids
would cost the server more than they spare. Without a place, a batch full of such documents would be found for ever.
"""

from infirmary_relay.sources.source import HeldBack

_AGAIN_S = 1.0
"""Having come to the end, only what is new is looked at for so long, then everything again."""
_MANY = 50
_LONGEST_PASS_S = 30.0
"""Where the end is never reached, the head is looked at again nevertheless."""


class Place:
    """Times are seconds of one monotonic clock.

    What passes over a document by mistake (others before it have gone) is only a delay: the next pass finds it.
    """

    def __init__(self) -> None:
        self._passed = 0
        self._held_back = HeldBack()
        self._began_at = 0.0
        self._ended_at: float | None = None

    def begin(self, held_back: HeldBack, now: float) -> int:
        """How many documents, oldest first, to pass over."""
        if self._passed and self._is_over(held_back, now):
            self.start_over()
        if not self._passed:
            self._held_back, self._began_at = held_back, now
        return self._passed

    def passed(self, documents: int) -> None:
        """Notes that so many more of the oldest documents gave nothing."""
        self._passed += documents
        self._ended_at = None

    def reached_end(self, documents: int, now: float) -> None:
        """Notes that there are no more documents, and how many of the last gave nothing; few are read again."""
        if documents >= _MANY:
            self.passed(documents)
        if self._ended_at is None:
            self._ended_at = now

    def start_over(self) -> None:
        """Begins at the oldest document again."""
        self._passed, self._ended_at = 0, None

    def _is_over(self, held_back: HeldBack, now: float) -> bool:
        if self._ended_at is None:
            return now - self._began_at >= _LONGEST_PASS_S
        return now - self._ended_at >= _AGAIN_S or held_back != self._held_back
