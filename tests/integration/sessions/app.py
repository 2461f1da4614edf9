"""An app with SQLAlchemy Sessions and an outbox, and what a test sees of its database from outside."""

from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session

from infirmary.sqlalchemy import Outbox
from tests.integration.infirmary.messages import Counted


class Base(DeclarativeBase):
    """The tables of the app."""


class Item(Base):
    """A row that is written beside a message."""

    __tablename__ = "item"

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(default=0)


class Shop:
    """The app: an engine, an outbox, and a connection of the test's own that sees what is committed."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        self.outbox = Outbox("shop", wake_relay=False)
        self.engine: Engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
        self.database = psycopg.connect(database_url, autocommit=True)
        Base.metadata.create_all(self.engine)

    def publish(self, session: Session | scoped_session[Any], counter: str, number: int = 1) -> None:
        """Publishes an event."""
        self.outbox.publish(session, Counted(counter=counter, number=number))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Looks into the database."""
        return self.database.execute(sql).fetchall()

    def written(self) -> list[tuple[str, int]]:
        """Returns subject and sequence of what is in the outbox, in its order."""
        return [(subject, last) for subject, last in self.rows("SELECT subject, sequence FROM outbox ORDER BY id")]

    def items(self) -> list[str]:
        """Returns the names of all items."""
        return [name for (name,) in self.rows("SELECT name FROM item ORDER BY name")]

    def close(self) -> None:
        """Ends all connections."""
        self.engine.dispose()
        self.database.close()
