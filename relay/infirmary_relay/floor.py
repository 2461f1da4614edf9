"""The floor (a low watermark): the id below which a fetch need not look any more.

Without it every fetch walks over the rows deleted before, which nobody may remove while any transaction in the cluster
holds its snapshot: 78.5 ms a fetch over 500,000 dead rows, 2.5 ms with it. Raised too early, it loses the row of a
writer that took its id early and commits late. So it passes an id F only after

1. a fetch has seen F,
2. every transaction that held a RowExclusiveLock on the outbox *after that* has ended: whoever took an id up to F held
   the lock when it took it (`xmin` would be the wrong test: a transaction takes an id before it has a transaction id),
3. a fetch begun after that, from the old floor, has looked at everything up to F,
4. and nothing up to F is in flight.

Subjects and targets that are held back are left out of fetches, so nothing is known of their rows: the floor remembers
where it stood when each was first left out, and goes back there when it is not any more. Pure; the floor dies with the
connection.
"""

from collections.abc import Set as AbstractSet

_PREPARED = "-1/"
"""A prepared transaction's lock is held under a virtual transaction id that begins so."""


class Floor:
    """Decides how far the floor may rise, from what fetches saw and who held the lock."""

    def __init__(self) -> None:
        self.value = 0
        self._seen = 0
        self._passable = 0
        self._candidate: int | None = None
        self._writers: AbstractSet[str] = frozenset()
        self._left_out_at: dict[str, int] = {}

    @property
    def wants_sample(self) -> bool:
        """Whether knowing who holds the lock would help the floor to rise."""
        return bool(self._writers) if self._candidate is not None else self._seen > self._passable

    @property
    def is_at_rest(self) -> bool:
        """Whether the floor has risen over all that was seen, and nothing is left out of fetches."""
        settled = self._candidate is None and self.value == self._passable >= self._seen
        return settled and not self._left_out_at

    @property
    def lowest_needed(self) -> int:
        """The id above which every undelivered row lies, those that are held back too."""
        return min(self._left_out_at.values(), default=self.value)

    def sampled(self, writers: AbstractSet[str]) -> None:
        """Notes which other transactions hold the lock now, after the last fetch noted."""
        if self._candidate is None:
            self._candidate, self._writers = self._seen, writers
            return
        still = self._writers & writers
        if any(not gone.startswith(_PREPARED) for gone in self._writers - still):
            # One that vanished may have been prepared: it lives on, with its rows, under another name.
            still |= {writer for writer in writers if writer.startswith(_PREPARED)}
        self._writers = still

    def fetched(self, *, highest: int, complete_to: float, lowest_in_flight: float) -> None:
        """Notes a fetch that began from `value`.

        Args:
            highest: the highest id that it saw, 0 when it saw none.
            complete_to: it looked at every row up to here; infinity when it was not cut short.
            lowest_in_flight: the lowest id read and not yet deleted, this fetch's rows included; infinity when none.
        """
        if self._candidate is not None and not self._writers and complete_to >= self._candidate:
            self._passable, self._candidate = max(self._passable, self._candidate), None
        self._seen = max(self._seen, highest)
        self.value = max(self.value, int(min(self._passable, lowest_in_flight - 1)))

    def leaving_out(self, names: AbstractSet[str]) -> None:
        """Notes, before a fetch, which subjects and targets it leaves out."""
        for name in names - self._left_out_at.keys():
            self._left_out_at[name] = self.value
        lifted = self._left_out_at.keys() - names
        if lifted:
            self._go_back(min(self._left_out_at.pop(name) for name in lifted))

    def _go_back(self, value: int) -> None:
        self.value = self._passable = min(self.value, value)
        self._candidate = None
        for name, at in self._left_out_at.items():
            # A row may be left out twice, by subject and by target: the later place knows no more than this one.
            self._left_out_at[name] = min(at, self.value)

    def reset(self) -> None:
        """Goes back to the beginning: rows of a partition that was not ours may lie anywhere."""
        self._go_back(0)
