"""Clears tables of what is too old: beside the work, never in its way, and faster than it comes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

from infirmary.beside import Problems, Round
from infirmary.observing.tables import expect_tables, note_nothing_old

EVERY_S: Final = 60.0
_LATE: Final = "what is too old stays for a while"


class Chore(Protocol):
    """What is to be done for one table."""

    @property
    def table(self) -> str:
        """The table, as it is called in the database and in the label `table`."""
        ...

    def some(self) -> bool:
        """Clears some rows, in a transaction that is over soon; says whether there may be more of them."""
        ...


Begin = Callable[[], AbstractContextManager[Iterator[Chore]]]
"""Opens a connection for the time of a pass, and gives the chores: none while another process is at them."""


def housekeeping(begin: Begin, tables: Iterable[str], every_s: float = EVERY_S) -> Round:
    """Returns the round that does chores until nothing too old is left, however much has come since the last time.

    It rests after each batch for as long as that has taken, and so leaves half the time of its connection to others.

    Args:
        begin: Opens a connection and gives the chores.
        tables: Those that they are for.
        every_s: Nearly: pods take turns.
    """
    expect_tables((), forgetting=tables)
    problems = Problems()

    def pieces() -> Iterator[None]:
        with begin() as chores:
            for chore in chores:
                yield from _done(chore, problems)

    return Round(_LATE, pieces, every_s, share=0.5)


def _done(chore: Chore, problems: Problems) -> Iterator[None]:
    """Does one chore to its end; what fails is tried again in a minute, and keeps no other from being done."""
    late = f"{_LATE} in {chore.table}"
    try:
        while chore.some():
            yield
    except Exception as error:
        problems.tell(late, error)
    else:
        note_nothing_old(chore.table)
        problems.is_over(late)
