"""Tells the state of aggregates again that are rows of PostgreSQL."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, LiteralString, TypeVar

import psycopg
import sqlalchemy as sa

from infirmary.postgres.database import is_transient
from infirmary.postgres.ended_subjects import NOTE
from infirmary.postgres.incarnation import check_not_set_back
from infirmary.postgres.outbox import write
from infirmary.postgres.statements import compiled
from infirmary.postgres.transaction import Query, Transaction, transaction
from infirmary.republishing.declaration import Kind
from infirmary.republishing.telling import Progress, Told, told_of
from infirmary.tracing.causation import causation_of
from infirmary.transport.log_names import events_of
from infirmary.transport.state_messages import last_words, state_message, with_sequence
from infirmary.transport.write_options import WriteOptions

T = TypeVar("T")

_TRIES: Final = 10
_TRY_AGAIN_S: Final = 0.5

# Whoever gives out a number for one of these subjects has the lock of its row until the commit. So when all locks are
# had, what the next statement reads of an aggregate is what its last number tells of, and stays so.
_LAST: Final[LiteralString] = """
SELECT subject, last FROM outbox_sequence WHERE subject = ANY(%(subjects)s) ORDER BY subject FOR UPDATE
"""

_NUMBER_ANEW: Final[LiteralString] = """
INSERT INTO outbox_sequence (subject, last) SELECT unnest(%(subjects)s::text[]), 1
ON CONFLICT DO NOTHING RETURNING subject
"""
"""One that is there by now has something new to tell, and tells it."""

_WRITE: Final[LiteralString] = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, header, body, created_at)
SELECT * FROM unnest(%(partitions)s::smallint[], %(message_ids)s::uuid[], %(targets)s::text[], %(types)s::text[],
                     %(subjects)s::text[], %(sequences)s::bigint[], %(headers)b::bytea[], %(bodies)b::bytea[],
                     %(created_at)s::timestamptz[])
"""

_PROGRESS: Final[LiteralString] = "SELECT kind, began_at, told_to, aggregates, messages, done FROM republish"

_BEGIN: Final[LiteralString] = """
INSERT INTO republish (kind) VALUES (%(kind)s)
ON CONFLICT (kind) DO UPDATE SET kind = excluded.kind
RETURNING kind, began_at, told_to, aggregates, messages, done
"""

_GET_ON: Final[LiteralString] = """
UPDATE republish SET told_to = %(told_to)s, aggregates = %(aggregates)s, messages = %(messages)s, done = %(done)s
WHERE kind = %(kind)s AND told_to IS NOT DISTINCT FROM %(before)s RETURNING kind
"""


class GoneOn(RuntimeError):
    """Another process tells the same state at the same time."""


class Rows(Generic[T]):
    """Where aggregates are: rows of a statement, in the order of their ids."""

    def __init__(self, kind: type[T], rows: sa.Select[Any], key: sa.Column[Any]) -> None:
        """Compiles the statements.

        Args:
            kind: What a row becomes.
            rows: Selects all that there are; `fields_of(kind, ...)` are its columns.
            key: Tells one from the others, and is a field of `kind` of the same name; as text it is the subject of its
                events.
        """
        self._kind, self._read_key, self._key = kind, key.type.python_type, key.key
        after = key > sa.bindparam("after", type_=key.type)
        keys = rows.with_only_columns(key).order_by(key).limit(sa.bindparam("at_most"))
        self._first_keys, self._next_keys = compiled(keys), compiled(keys.where(after))
        self._total = compiled(rows.with_only_columns(sa.func.count()))
        between = key.between(sa.bindparam("first", type_=key.type), sa.bindparam("last", type_=key.type))
        self._rows = compiled(rows.where(between).order_by(key))

    def total(self, query: Query) -> int:
        """Returns how many there are."""
        return int(query.value(self._total))

    def keys(self, query: Query, told_to: str | None, at_most: int) -> list[Any]:
        """Returns the next ids."""
        if told_to is None:
            cursor = query.connection.execute(self._first_keys, {"at_most": at_most})
        else:
            values = {"after": self._read_key(told_to), "at_most": at_most}
            cursor = query.connection.execute(self._next_keys, values)
        return [key for (key,) in cursor.fetchall()]

    def key_of(self, row: T) -> object:
        """Returns a row's id."""
        return getattr(row, self._key)

    def between(self, query: Query, first: object, last: object) -> list[T]:
        """Returns what there is from one id to another."""
        return query.many(self._kind, self._rows, first=first, last=last)


class PostgresRepublisher:
    """Writes state messages into the outbox, each batch in one transaction."""

    def __init__(self, connection: psycopg.Connection[Any], service: str, options: WriteOptions) -> None:
        """Prepares it.

        Args:
            connection: In autocommit mode.
            service: Whose database it is.
            options: What the process has chosen for all that it writes.
        """
        self._connection, self._service, self._options = connection, service, options

    def check_incarnation(self) -> None:
        """Looks whether the database was set back.

        Raises:
            DatabaseSetBack: It is marked so.
        """
        check_not_set_back(self._connection)

    def progress(self) -> dict[str, Progress]:
        """Returns how far the kinds of a run have come that has not ended."""
        return {each.kind: each for each in Query(self._connection).many(Progress, _PROGRESS)}

    def begin(self, kind: Kind) -> Progress:
        """Notes that the aggregates of a kind are told from the first on.

        Raises:
            GoneOn: Another process does the same.
        """
        begun = self._query().one(Progress, _BEGIN, kind=kind.name)
        if begun is None:
            raise GoneOn(f"another process has just ended telling how the {kind.name} of {self._service} are")
        return begun

    def total(self, kind: Kind) -> int:
        """Returns how many aggregates there are."""
        return int(kind.kept.total(self._query()))

    def tell(self, kind: Kind, progress: Progress, at_most: int) -> Progress:
        """Writes the state messages of the next aggregates; waits for locks and tries again.

        Raises:
            GoneOn: Another process does the same.
            psycopg.Error: The database does not answer, or refuses.
        """
        return self._patiently(partial(self._tell, kind, progress, at_most))

    def waiting(self) -> int:
        """Returns how many messages wait for the relay."""
        return int(self._query().value("SELECT count(*) FROM outbox"))

    def finish(self, kinds: Sequence[str], last_word: datetime | None) -> None:
        """Says the last word if all was told, and forgets the progress."""
        with self._transaction() as tx:
            if last_word is not None:
                words = last_words(self._service, last_word, cause=tx.cause, options=self._options)
                write(partial(tx.connection.execute, prepare=False), words)
            tx.execute("DELETE FROM republish WHERE kind = ANY(%(kinds)s)", kinds=list(kinds))

    def _tell(self, kind: Kind, progress: Progress, at_most: int) -> Progress:
        with self._transaction() as tx:
            keys = kind.kept.keys(tx, progress.told_to, at_most)
            subjects = [str(key) for key in keys]
            sequences = dict(tx.connection.execute(_LAST, {"subjects": subjects}).fetchall())
            told: list[Told] = []
            if keys:
                for row in kind.kept.between(tx, keys[0], keys[-1]):
                    told += told_of(kind.kept.key_of(row), kind.tell(row), sequences)
            told = self._numbered(tx, told, sequences)
            self._write(tx, told)
            self._note_ends(tx, told)
            later = progress.and_then(keys, len(told), at_most)
            self._get_on(tx, progress, later)
        return later

    def _write(self, tx: Transaction, told: Sequence[Told]) -> None:
        if not told:
            return
        rows = [
            state_message(each.event, each.still_to_come, source=self._service, cause=tx.cause, options=self._options)
            for each in told
        ]
        tx.connection.execute(
            _WRITE,
            {
                "partitions": [row.partition for row in rows],
                "message_ids": [row.message_id for row in rows],
                "targets": [row.target for row in rows],
                "types": [row.type for row in rows],
                "subjects": [row.subject for row in rows],
                "sequences": [each.sequence for each in told],
                "headers": [with_sequence(row.header, each.sequence) for row, each in zip(rows, told, strict=True)],
                "bodies": [row.body for row in rows],
                "created_at": [row.created_at for row in rows],
            },
        )

    def _numbered(self, tx: Transaction, told: Sequence[Told], sequences: Mapping[str, int]) -> list[Told]:
        """Begins a row of numbers anew for ended subjects that were forgotten; leaves out what cannot be told now."""
        forgotten = sorted({each.event.subject() for each in told} - sequences.keys())
        if not forgotten:
            return list(told)
        anew = tx.connection.execute(_NUMBER_ANEW, {"subjects": forgotten}).fetchall()
        known = {*sequences, *(subject for (subject,) in anew)}
        return [each for each in told if each.event.subject() in known]

    def _note_ends(self, tx: Transaction, told: Sequence[Told]) -> None:
        """Notes anew which of them have ended: whoever hears of one now remembers its number from now on."""
        ended = {each.event.subject(): each.sequence for each in told if each.ends_subject}
        if ended:
            tx.execute(NOTE, source=events_of(self._service), subjects=list(ended), last=list(ended.values()))

    def _get_on(self, tx: Transaction, before: Progress, later: Progress) -> None:
        values = {
            "kind": later.kind, "told_to": later.told_to, "aggregates": later.aggregates,
            "messages": later.messages, "done": later.done, "before": before.told_to,
        }  # fmt: skip
        if tx.value(_GET_ON, **values) is None:
            raise GoneOn(f"another process tells how the {later.kind} of {self._service} are; one at a time is enough")

    def _patiently(self, work: Callable[[], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return work()
            except psycopg.Error as error:
                if self._connection.closed or not is_transient(error):
                    raise
            time.sleep(_TRY_AGAIN_S)
        return work()

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """Runs a transaction that needs its answers at once, and wakes the relay behind it."""
        cause = causation_of(None, None, None, tracer=self._options.tracer)
        with transaction(self._connection, self._service, cause, pipelined=False, options=self._options) as tx:
            yield tx
        self._connection.execute("NOTIFY outbox")

    def _query(self) -> Query:
        return Query(self._connection)
