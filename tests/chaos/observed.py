"""Runs a process and notes what a consumer applies: `python -m tests.chaos.observed services ward consumer`.

The note is written in the transaction of the effects, so it is there exactly when they are. Nothing else differs from
the process of production. A service with a MongoDB database has no such transaction, and is not observed.
"""

import os
import sys
from collections.abc import Sequence

import psycopg

from infirmary.consumer import batch, log_rules
from infirmary.consumer.parked import ParkedMessage
from infirmary.postgres.transaction import Transaction
from infirmary.postgres.work import PostgresWork
from infirmary.transport.envelope import Incoming
from infirmary.transport.log_names import scope_of
from tests.chaos.clocks import make_sleep_work
from tests.chaos.history import Applied

_CREATE = """
CREATE TABLE IF NOT EXISTS applied_history (
    position   bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    log        text NOT NULL,
    source     text NOT NULL,
    subject    text NOT NULL,
    sequence   bigint,
    message_id uuid NOT NULL
)
"""


def create_history(database_url: str) -> None:
    """Makes the table that the notes go to, unless it is there."""
    with psycopg.connect(database_url) as connection:
        connection.execute(_CREATE)
        # The consumer that writes it has a role of its own, and a migration, which would give it its rights, is over.
        connection.execute("GRANT SELECT, INSERT ON applied_history TO PUBLIC")


def read_history(database_url: str) -> list[Applied]:
    """Returns what the consumer has applied so far, in the order in which it did."""
    statement = "SELECT log, source, subject, sequence, message_id FROM applied_history ORDER BY position"
    with psycopg.connect(database_url) as connection:
        return [Applied(*row) for row in connection.execute(statement)]


def observe() -> None:
    """Makes every consumer of this process write its notes.

    A compensation that overtakes its own command, which is held, closes it: the command is then noted with it, as done.
    """
    apply, closed_by = PostgresWork.apply, log_rules.closed_by
    closed: list[ParkedMessage] = []

    def noted_closing(message: Incoming, last: int, held: Sequence[ParkedMessage]) -> list[ParkedMessage]:
        closed[:] = closed_by(message, last, held)
        return closed

    def noted(self: PostgresWork, message: Incoming) -> None:
        done = [parked.message() for parked in closed]
        closed.clear()
        for each in (*done, message):
            _note(self._tx, each, self._log)
        apply(self, message)

    vars(batch)["closed_by"] = noted_closing
    PostgresWork.apply = noted  # type: ignore[method-assign]


def _note(tx: Transaction, message: Incoming, channel: str) -> None:
    tx.execute(
        """INSERT INTO applied_history (log, source, subject, sequence, message_id)
           VALUES (%(log)s, %(source)s, %(subject)s, %(sequence)s, %(message_id)s)""",
        log=scope_of(channel),
        source=message.source,
        subject=message.subject,
        sequence=message.sequence,
        message_id=message.message_id,
    )


def run(arguments: Sequence[str]) -> None:
    """Runs `services <name> <role>` or `relay <name>` in this process."""
    make_sleep_work()
    program, *words = arguments
    if program == "relay":
        from infirmary_relay.command import main

        sys.exit(main(words))
    from services.__main__ import cli

    cli(words, standalone_mode=False)
    database_url = os.environ["DATABASE_URL"]
    if words[-1] == "migrate" and database_url.startswith("postgresql"):
        create_history(database_url)


if __name__ == "__main__":
    observe()
    run(sys.argv[1:])
