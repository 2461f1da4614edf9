"""An operator's connection to one service's database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click
import psycopg

from infirmary import settings
from infirmary.identifiers import new_id
from infirmary.incarnation import DatabaseSetBack
from infirmary.observing.tracing import tracer_of
from infirmary.postgres.database import connect
from infirmary.postgres.incarnation import set_back_because
from infirmary.postgres.transaction import Query, Transaction, transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of

if TYPE_CHECKING:
    from infirmary.consumer.broker import (
        Broker,  # an API, which has these commands too, does without its metrics
    )
    from infirmary.consumer.parked import ParkedMessages
    from infirmary.consumer.store import Positions
    from infirmary.republishing.running import Republisher


class OperatorDatabase:
    """Opens the database that DATABASE_URL names, for one command."""

    def __init__(self, service: str) -> None:
        self.service = service

    @contextmanager
    def reading(self) -> Iterator[Query]:
        """Lends a connection on which each statement is a transaction of its own."""
        with self._connected() as connection:
            yield Query(connection)

    @contextmanager
    def changing(self, *, to_change: bool = True) -> Iterator[Transaction]:
        """Runs a transaction; afterwards the relay is woken if messages were written.

        Args:
            to_change: False where it is only looked: that may be done in a database that was set back, too.

        Raises:
            click.ClickException: The database is marked as set back.
        """
        with self._connected() as connection:
            if to_change:
                self._refuse(set_back_because(connection))
            chosen = self.settings()
            tracer = tracer_of(self.service, "operator", chosen)
            cause = causation_of(None, None, None, tracer=tracer)
            with transaction(connection, self.service, cause, False, chosen.write_options(tracer)) as tx:
                yield tx
            if tx.wrote_messages:
                connection.execute("NOTIFY outbox")

    @contextmanager
    def parked(self, *, to_change: bool) -> Iterator["ParkedMessages"]:
        """Lends the parked messages; in PostgreSQL whatever is done with them is one transaction.

        Args:
            to_change: As in `changing`.
        """
        with self.reader(to_change=to_change) as (parked, _):
            yield parked

    @contextmanager
    def reader(self, *, to_change: bool) -> Iterator[tuple["ParkedMessages", "Positions"]]:
        """Lends what the consumer knows of its logs; in PostgreSQL whatever is done with it is one transaction.

        Args:
            to_change: As in `changing`.
        """
        chosen = settings.read(Settings)
        if not chosen.database_url.startswith("mongodb"):
            from infirmary.postgres.parked import PostgresParked  # brings a consumer's metrics along
            from infirmary.postgres.positions import PostgresPositions

            with self.changing(to_change=to_change) as tx:
                yield PostgresParked(tx), PostgresPositions(tx.connection)
            return
        from pymongo.errors import PyMongoError  # most services do without

        from infirmary.mongo.incarnation import set_back_because as mongo_set_back_because
        from infirmary.mongo.parked import MongoParked
        from infirmary.mongo.positions import MongoPositions
        from infirmary.mongo.storage import connect as connect_to_mongodb

        try:
            with connect_to_mongodb(chosen, f"{self.service}/operator") as client:
                database = client.get_default_database()
                if to_change:
                    self._refuse(mongo_set_back_because(database))
                yield MongoParked(database), MongoPositions(database, new_id())
        except PyMongoError as error:
            raise click.ClickException(f"the database of {self.service}: {error}") from error

    @contextmanager
    def republisher(self) -> Iterator["Republisher"]:
        """Lends what tells the service's state again.

        Raises:
            click.ClickException: The database is marked as set back, or becomes so meanwhile.
        """
        try:
            with self._republisher() as republisher:
                yield republisher
        except DatabaseSetBack as set_back:
            raise self._refusal(set_back) from set_back

    @contextmanager
    def _republisher(self) -> Iterator["Republisher"]:
        chosen = settings.read(Settings)
        options = chosen.write_options(tracer_of(self.service, "operator", chosen))
        if not chosen.database_url.startswith("mongodb"):
            from infirmary.postgres.republishing import PostgresRepublisher

            with self._connected() as connection:
                yield PostgresRepublisher(connection, self.service, options)
            return
        from infirmary.mongo.republishing import MongoRepublisher
        from infirmary.mongo.storage import connect as connect_to_mongodb

        with connect_to_mongodb(chosen, f"{self.service}/operator") as client:
            yield MongoRepublisher(client.get_default_database(), self.service, options)

    def identity(self) -> str:
        """Returns what tells the service's database from any other."""
        chosen = settings.read(Settings)
        if not chosen.database_url.startswith("mongodb"):
            from infirmary.postgres.positions import identity_of as postgres_identity

            with self._connected() as connection:
                return postgres_identity(Query(connection))
        from infirmary.mongo.identity import identity_of
        from infirmary.mongo.storage import connect as connect_to_mongodb

        with connect_to_mongodb(chosen, f"{self.service}/operator") as client:
            return identity_of(client.get_default_database())

    @contextmanager
    def broker(self) -> Iterator["Broker"]:
        """Lends a connection to the broker, as the service's own user."""
        from infirmary.consumer.broker import BROKER_ERRORS, Broker
        from infirmary.consumer.unreadable import Unreadable

        chosen = settings.read(Settings)
        try:
            with closing(
                Broker(
                    chosen.broker_url,
                    f"{self.service}/operator",
                    chosen.rabbitmq_ca_file,
                    chosen.client_certificate,
                )
            ) as broker:
                yield broker
        except Exception as error:
            if not isinstance(error, (*BROKER_ERRORS, Unreadable)):
                raise
            raise click.ClickException(f"the broker: {error}") from error

    def settings(self) -> Settings:
        """Returns the settings of the service's processes.

        Raises:
            click.ClickException: The database is no PostgreSQL, which this command is for.
        """
        chosen = settings.read(Settings)
        if chosen.database_url.startswith("mongodb"):
            raise click.ClickException(f"{self.service} has a MongoDB database; this command is for PostgreSQL only")
        return chosen

    def _refuse(self, because: str | None) -> None:
        if because is not None:
            raise self._refusal(DatabaseSetBack(because))

    def _refusal(self, set_back: DatabaseSetBack) -> click.ClickException:
        return click.ClickException(f"{set_back}; `restore` does that: docs/restore.md")

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        chosen = self.settings()
        try:
            with connect(chosen, f"{self.service}/operator") as connection:
                yield connection
        except psycopg.Error as error:
            raise click.ClickException(f"the database of {self.service}: {error}") from error
