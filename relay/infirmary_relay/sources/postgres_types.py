"""How psycopg passes lists of ids and reads uuids here: without an object for each."""

import struct
from collections.abc import Iterable

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.string import ByteaBinaryLoader

_BIGINT_ARRAY_OID, _MULTIRANGE_OID, _BIGINT_OID = 1016, 4536, 20
_BIGINT_BYTES = 8


class Ids(list[int]):
    """A list of ids, passed as `bigint[]`."""


class IdSet(list[int]):
    """Sorted ids, passed as an `int8multirange`: a run of ids is one range, and PostgreSQL finds an id by halving."""


class _IdsDumper(Dumper):
    """Writes the array in one go; psycopg's own would choose a type and build a value for every element."""

    format = Format.BINARY
    oid = _BIGINT_ARRAY_OID

    def dump(self, obj: list[int]) -> bytes:
        count = len(obj)
        if not count:
            return struct.pack(">iii", 0, 0, _BIGINT_OID)
        elements: list[int] = [_BIGINT_BYTES] * (2 * count)
        elements[1::2] = obj
        return struct.pack(f">iiiii{'iq' * count}", 1, 0, _BIGINT_OID, count, 1, *elements)


class _IdSetDumper(Dumper):
    format = Format.TEXT
    oid = _MULTIRANGE_OID

    def dump(self, obj: list[int]) -> bytes:
        return ("{" + ",".join(f"[{first},{last}]" for first, last in runs(obj)) + "}").encode()


def runs(ids: list[int]) -> Iterable[tuple[int, int]]:
    """Yields the first and last of every run of consecutive ids, out of sorted ones."""
    if not ids:
        return
    if ids[-1] - ids[0] == len(ids) - 1:
        yield ids[0], ids[-1]
        return
    first = last = ids[0]
    for each in ids[1:]:
        if each != last + 1:
            yield first, last
            first = each
        last = each
    yield first, last


def register(connection: Connection[tuple[object, ...]]) -> None:
    """Teaches a connection these types; a uuid is read as its 16 bytes."""
    for kind, dumper in ((Ids, _IdsDumper), (IdSet, _IdSetDumper)):
        connection.adapters.register_dumper(kind, dumper)
    connection.adapters.register_loader("uuid", ByteaBinaryLoader)
