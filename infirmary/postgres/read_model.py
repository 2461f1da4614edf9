"""What a read model is, and what is to be known of it before it is made anew: no statement, no connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infirmary.postgres.transaction import Transaction


class CannotRebuild(Exception):
    """A person has to do something first; the text says what."""


@dataclass(frozen=True, slots=True)
class ReadModel:
    """The tables of a service that are made from events alone.

    Attributes:
        service: Whose they are.
        tables: Their names.
        keep: Makes in the new tables, which are those that the transaction sees, what the old ones (in the schema
            `public`) must not lose, whatever the logs still tell.
    """

    service: str
    tables: tuple[str, ...]
    keep: Callable[[Transaction], None]


def is_reached(goal: Mapping[str, int | None], there: Mapping[str, int | None]) -> bool:
    """Says whether every log was read as far as another reader has read it. Pure.

    Args:
        goal: The offsets of the other one; None where it has read nothing yet.
        there: Those that are compared.
    """
    return all(_number(there.get(log)) >= _number(offset) for log, offset in goal.items())


def _number(offset: int | None) -> int:
    return -1 if offset is None else offset
