"""A service that writes through a Session of SQLAlchemy: one object changed, with an event about it or without."""

import random
from collections.abc import Callable

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from benchmarks.rows import AGGREGATES
from benchmarks.writing import NOTE, Noted
from infirmary.sqlalchemy import Outbox


class _Base(DeclarativeBase):
    pass


class Aggregate(_Base):
    """The row that is changed."""

    __tablename__ = "aggregate"

    aggregate_id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[int]


class SessionWriting:
    """A Session for each transaction, as a request has it, on an engine with a pool."""

    def __init__(self, database_url: str, service: str) -> None:
        """Opens nothing yet.

        Args:
            database_url: The service's database.
            service: Whose outbox it is; no relay is to be woken, as in the other ways of a benchmark.
        """
        url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        self._engine: Engine = create_engine(url)
        self._sessions: Callable[[], Session] = sessionmaker(self._engine)
        self._outbox = Outbox(service, wake_relay=False)

    def state_only(self, _session: object) -> None:
        """Reads an object, changes it, and tells nobody."""
        with self._sessions() as session:
            self._change(session)
            session.commit()

    def with_outbox(self, _session: object) -> None:
        """Does the same, and publishes an event about it."""
        with self._sessions() as session:
            aggregate = self._change(session)
            self._outbox.publish(session, Noted(aggregate_id=aggregate.aggregate_id, note=NOTE))
            session.commit()

    def _change(self, session: Session) -> Aggregate:
        aggregate = session.get_one(Aggregate, random.randint(1, AGGREGATES))  # noqa: S311 - any will do
        aggregate.state += 1
        return aggregate
