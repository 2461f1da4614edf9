"""Snapshots: copies of another service's data, kept from its events, so that no query has to ask that service.

The copy is a table of the service's own, made by its migrations: a primary key, the copied columns, and `version`, a
bigint.

    customers = Snapshot("customer", customer_snapshot)

    @handlers.on(CustomerRenamed)
    def rename(event: CustomerRenamed, tx: Transaction) -> None:
        customers.keep(tx, event.customer_id, event.version, full_name=event.full_name)
"""

import time
from typing import LiteralString

import sqlalchemy as sa
from prometheus_client import Histogram
from sqlalchemy.dialects import postgresql

from infirmary.postgres.statements import compiled
from infirmary.postgres.transaction import Transaction
from infirmary.transport.envelope import unix_time

STALENESS = Histogram(
    "infirmary_snapshot_staleness_seconds",
    "How old is a copy of another service's data? Seconds from the event's `time`, when it was written, to the commit"
    " of what it changes in the copy.",
    ["snapshot"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)


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
        tx.execute(self._keep, **{self._key: key}, version=version, **columns)
        written_at = unix_time(tx.written_at)
        if written_at is not None:
            tx.after_commit.append(lambda: self._staleness.observe(max(time.time() - written_at, 0.0)))


def keep_newest(table: sa.Table) -> LiteralString:
    """Returns the statement that keeps a snapshot.

    Its WHERE is the version guard: an event that comes late must not overwrite what a newer one has written.
    """
    told = postgresql.insert(table)
    copied = {column.key: told.excluded[column.key] for column in table.c if not column.primary_key}
    is_newer = table.c.version < told.excluded.version
    return compiled(told.on_conflict_do_update(index_elements=table.primary_key, set_=copied, where=is_newer))
