"""Housekeeping goes on until nothing is left, and what fails keeps nothing else from being done."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY

from infirmary.beside import Beside
from infirmary.housekeeping import Chore, housekeeping
from tests.eventually import eventually


class Table:
    """A table with so many batches of old rows; `broken` says whether it can be cleared."""

    def __init__(self, table: str, batches: int, *, broken: bool = False) -> None:
        self.table, self.batches, self.broken = table, batches, broken

    def some(self) -> bool:
        if self.broken:
            raise RuntimeError("somebody holds a lock")
        self.batches -= 1
        return self.batches > 0

    def is_done(self) -> bool:
        return bool(REGISTRY.get_sample_value(COMPLETED, {"table": self.table}))


COMPLETED = "infirmary_retention_completed_timestamp_seconds"


def with_chores(*tables: Chore) -> Beside:
    @contextmanager
    def begin() -> Iterator[Iterator[Chore]]:
        yield iter(tables)

    return Beside([housekeeping(begin, [table.table for table in tables], every_s=0.02)])


def test_a_table_is_cleared_in_one_pass_and_one_that_cannot_be_keeps_no_other() -> None:
    locked, old = Table("locked", 1, broken=True), Table("old", 3)
    beside = with_chores(locked, old)
    eventually(old.is_done, because="all batches of it are cleared")
    assert (old.batches <= 0, locked.is_done()) == (True, False)
    locked.broken = False
    eventually(locked.is_done, because="it is tried again")
    beside.close()
