"""Snapshots: copies of another service's data, kept from its events, so that no query has to ask that service.

The copy is a table of the service's own, made by its migrations: a primary key, the copied columns, and `version`, a
bigint.

    customers = Snapshot("customer", customer_snapshot)

    @handlers.on(CustomerRenamed)
    def rename(event: CustomerRenamed, tx: Transaction) -> None:
        customers.keep(tx, event.customer_id, event.version, full_name=event.full_name)
"""

import time
from collections.abc import Mapping
from typing import Final, LiteralString

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from infirmary.observing.staleness import STALENESS
from infirmary.postgres.statements import compiled
from infirmary.postgres.transaction import Transaction
from infirmary.transport.envelope import unix_time

ERASED_VERSION: Final = 2**63 - 1
"""The version of what was erased: a copy that has it takes nothing over any more, whatever is read again, and when."""


class Snapshot:
    """A copy of what another service's aggregates of one kind are."""

    def __init__(self, name: str, table: sa.Table) -> None:
        """Declares it.

        Args:
            name: What is copied, in the singular, as the metric shows it.
            table: The service's own table; its primary key is the aggregate's id.
        """
        self._keep, (self._key,) = keep_newest(table), (column.key for column in table.primary_key)
        self._staleness = STALENESS.labels(name)

    def keep(self, tx: Transaction, key: object, version: int, **columns: object) -> None:
        """Takes over what an event says of an aggregate, if it is newer than what is known.

        Args:
            tx: The transaction in which the event is applied.
            key: The aggregate's id.
            version: The owner's count of the aggregate's changes.
            columns: All that is copied.
        """
        self._write(tx, key, version, columns)
        written_at = unix_time(tx.written_at)
        if written_at is not None:
            tx.after_commit.append(lambda: self._staleness.observe(max(time.time() - written_at, 0.0)))

    def erase(self, tx: Transaction, key: object, **columns: object) -> None:
        """Forgets what is known of an aggregate for good; what remains is that it was erased, under `ERASED_VERSION`.

        Args:
            tx: The transaction.
            key: The aggregate's id; it need not have been heard of yet.
            columns: All that is copied, each with what stands there from now on.
        """
        self._write(tx, key, ERASED_VERSION, columns)

    def _write(self, tx: Transaction, key: object, version: int, columns: Mapping[str, object]) -> None:
        tx.execute(self._keep, **{self._key: key}, version=version, **columns)


def keep_newest(table: sa.Table) -> LiteralString:
    """Returns the statement that keeps a snapshot.

    Its WHERE is the version guard: an event that comes late must not overwrite what a newer one has written.
    """
    told = postgresql.insert(table)
    copied = {column.key: told.excluded[column.key] for column in table.c if not column.primary_key}
    is_newer = table.c.version < told.excluded.version
    return compiled(told.on_conflict_do_update(index_elements=table.primary_key, set_=copied, where=is_newer))
