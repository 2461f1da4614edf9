"""Runs a process and notes what a consumer applies: `python -m tests.chaos.observed services ward consumer`.

The note is written in the transaction of the effects, so it is there exactly when they are. Nothing else differs from
the process of production. A service with a MongoDB database has no such transaction, and is not observed.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

import psycopg

from services.chassis.consumer.applying import Applier
from services.chassis.envelope import Incoming
from services.chassis.saga.in_hand import SagasInHand
from services.chassis.transaction import Transaction
from tests.chaos.clocks import make_sleep_work
from tests.chaos.history import Applied

_CREATE = """
CREATE TABLE IF NOT EXISTS applied_history (
    position   bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    channel    text NOT NULL,
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


def read_history(database_url: str) -> list[Applied]:
    """Returns what the consumer has applied so far, in the order in which it did."""
    statement = "SELECT channel, source, subject, sequence, message_id FROM applied_history ORDER BY position"
    with psycopg.connect(database_url) as connection:
        return [Applied(*row) for row in connection.execute(statement)]


def observe() -> None:
    """Makes every consumer of this process write its notes."""
    event, inbox = Applier.event, Applier.inbox

    def noted_event(self: Applier, tx: Any, message: Incoming) -> None:
        if isinstance(tx, Transaction):
            _note(tx, message, f"{message.source}.events")
        event(self, tx, message)

    def noted_inbox(self: Applier, tx: Transaction, message: Incoming, sagas: SagasInHand) -> None:
        _note(tx, message, f"{tx.service}.inbox")
        inbox(self, tx, message, sagas)

    Applier.event, Applier.inbox = noted_event, noted_inbox  # type: ignore[method-assign]


def _note(tx: Transaction, message: Incoming, channel: str) -> None:
    tx.execute(
        """INSERT INTO applied_history (channel, source, subject, sequence, message_id)
           VALUES (%(channel)s, %(source)s, %(subject)s, %(sequence)s, %(message_id)s)""",
        channel=channel,
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
