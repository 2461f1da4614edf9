"""Snapshots: copies of another service's data, kept from its events, so that no query has to ask that service.

The copy is a table of the service's own, made by its migrations: a key, the copied columns, and `version`, a bigint.

    customers = Snapshot("customer", table="customer_snapshot", key="customer_id", columns=["full_name"])

    @handlers.on(CustomerRenamed)
    def rename(event: CustomerRenamed, tx: Transaction) -> None:
        customers.keep(tx, event.customer_id, event.version, full_name=event.full_name)
"""

import time
from collections.abc import Sequence
from typing import LiteralString

from prometheus_client import Histogram

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

    def __init__(
        self, name: LiteralString, *, table: LiteralString, key: LiteralString, columns: Sequence[LiteralString]
    ) -> None:
        """Declares it. Names go into statements as they are: they are the code's own, and nobody's input.

        Args:
            name: What is copied, in the singular, as the metric shows it.
            table: The service's own table.
            key: Its primary key: the aggregate's id.
            columns: What is copied, besides `version`.
        """
        self._keep = keep_newest(table, key, columns)
        self._staleness = STALENESS.labels(name)

    def keep(self, tx: Transaction, key: object, version: int, **columns: object) -> None:
        """Takes over what an event says of an aggregate, if it is newer than what is known.

        Args:
            tx: The transaction in which the event is applied.
            key: The aggregate's id.
            version: The owner's count of the aggregate's changes.
            columns: All that is copied.
        """
        tx.execute(self._keep, key=key, version=version, **columns)
        written_at = unix_time(tx.written_at)
        if written_at is not None:
            tx.after_commit.append(lambda: self._staleness.observe(max(time.time() - written_at, 0.0)))


def keep_newest(table: LiteralString, key: LiteralString, columns: Sequence[LiteralString]) -> LiteralString:
    """Returns the statement that keeps a snapshot.

    Its WHERE is the version guard: an event that comes late must not overwrite what a newer one has written.
    """
    copied = (*columns, "version")
    return f"""
INSERT INTO {table} AS known ({key}, {", ".join(copied)})
VALUES (%(key)s, {", ".join(f"%({column})s" for column in copied)})
ON CONFLICT ({key}) DO UPDATE SET {", ".join(f"{column} = excluded.{column}" for column in copied)}
WHERE known.version < excluded.version
"""
