"""Arrays of texts, ids, bytes and numbers, dumped as one: psycopg looks at each element, for whatever it may be.

A batch is written with a few statements that take arrays, so that this is a part of what each of its messages costs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.types.array import ListDumper


class ArrayDumper(ListDumper):
    """Dumps a list of elements of one usual type; leaves any other one to psycopg."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        """Returns the list as PostgreSQL reads arrays."""
        kinds = set(map(type, obj))
        literal = _LITERALS[kinds.pop()](obj) if len(kinds) == 1 and kinds <= _LITERALS.keys() else None
        return super().dump(obj) if literal is None else literal


def _texts(texts: Sequence[str]) -> bytes | None:
    """Returns texts, each in quotes; None if one has something that needs more than that, or cannot be written."""
    joined = '","'.join(texts)
    if joined.count('"') != 2 * (len(texts) - 1) or "\\" in joined or "\0" in joined:
        return None
    return b'{"%b"}' % joined.encode()


def _ids(ids: Sequence[UUID]) -> bytes:
    return b"{%b}" % ",".join(map(str, ids)).encode()


def _numbers(numbers: Sequence[float]) -> bytes:
    return b"{%b}" % ",".join(map(str, numbers)).encode()


def _bytes(strings: Sequence[bytes]) -> bytes:
    return b'{"\\\\x%b"}' % '","\\\\x'.join(map(bytes.hex, strings)).encode()


_LITERALS: Final[Mapping[type, Callable[[Any], bytes | None]]] = {
    str: _texts,
    UUID: _ids,
    int: _numbers,
    float: _numbers,
    bytes: _bytes,
}
