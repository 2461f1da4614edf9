"""The outbox of a service whose database is worked on by SQLAlchemy Sessions."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session

from infirmary.declaring.declaration import service_of
from infirmary.identifiers import service_name
from infirmary.messages import Event
from infirmary.sqlalchemy.autogenerate import include_name
from infirmary.sqlalchemy.published import INFO, Published
from infirmary.sqlalchemy.session_outbox import SessionOutbox
from infirmary.sqlalchemy.waking import RelayWaker
from infirmary.tracing.causation import Causation
from infirmary.transport.write_options import DEFAULTS, WriteOptions

AnySession = Session | scoped_session[Any]


class Outbox:
    """Publishes events in the transactions of Sessions: each is written if, and only if, its Session commits.

    It is made once, in the module that declares the events:

        outbox = Outbox("shop")

    and used in requests, in jobs and in handlers of messages alike:

        outbox.publish(db.session, OrderPlaced(order_id=order.id))

    Attributes:
        service: The service that speaks; its log is `<service>.events`.
        include_name: For alembic's `context.configure`, so that autogenerate leaves the library's tables alone.
    """

    include_name = staticmethod(include_name)

    def __init__(self, service: str, options: WriteOptions = DEFAULTS, *, wake_relay: bool = True) -> None:
        """Makes an outbox; opens nothing.

        Args:
            service: The service's name.
            options: Into how many parts the log is split, how large a message may be, who takes spans. A consumer of
                the same service has them from its settings: keep the two alike.
            wake_relay: Whether the relay is woken after a commit, by a thread with a connection of its own; otherwise
                it finds messages by polling.

        Raises:
            ValueError: A service cannot have this name.
        """
        self.service, self._options, self._is_waking = service_name(service), options, wake_relay
        self._waker = RelayWaker(service)

    def publish(
        self,
        session: AnySession,
        event: Event,
        *,
        cause: Causation | None = None,
        bind_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """Tells everybody, in the service's log, that something happened, if the Session's transaction commits.

        It goes with the innermost `begin_nested()`. Nothing is written before the commit; SQLAlchemy flushes first, as
        always. In a consumer's handler, the event is written with the batch, and has the message for its cause.

        Args:
            session: A Session, or a scoped_session such as `db.session` of Flask-SQLAlchemy.
            event: An event that the service's own messages declare by @publishes.
            cause: What led to it, for example made of a request's headers by `causation_of`; without one, the
                messages of a transaction have a new one in common.
            bind_arguments: What finds the database with the outbox, as of `Session.connection`, where a Session has
                several.

        Raises:
            TypeError: It is no Session, no event, or the database or its driver is another one.
            ValueError: The connection is in autocommit mode, the subject is none that readers take, or this Session
                publishes by another outbox.
            MessageTooLarge: The event is larger than the options allow.
            Misdeclared: It is not this service's own event.
            sqlalchemy.exc.SQLAlchemyError: The Session cannot do any work now.
        """
        if not isinstance(event, Event):
            raise TypeError(f"{type(event).__name__} is no event: make its class from infirmary.messages.Event")
        current = _session_of(session)
        where = dict(bind_arguments) if bind_arguments is not None else None
        self._of(current, where).publish(current, event, cause, where)

    def _of(self, session: Session, bind_arguments: dict[str, Any] | None) -> Published:
        published: Published | None = session.info.get(INFO)
        if published is None:
            session.connection(bind_arguments=bind_arguments)  # raises where the Session can do no work now
            published = session.info[INFO] = SessionOutbox(session, self.service, self._options, self._wake)
        if published.service != self.service:
            raise ValueError(
                f"this Session publishes as {published.service}, and cannot as {self.service}: a database has the"
                " outbox of one service"
            )
        return published

    def _wake(self, engine: Engine) -> None:
        if self._is_waking:
            self._waker.wake(engine)


def publish(session: AnySession, event: Event) -> None:
    """Publishes as the service whose `messages` declare the event, with the default options.

    Args:
        session: A Session or a scoped_session.
        event: What has happened.

    Raises:
        TypeError: No service can be told from where the event's class is: make an `Outbox` that names it.
        Exception: As of `Outbox.publish`.
    """
    service = service_of(type(event).__module__)
    if service is None:
        raise TypeError(
            f"{type(event).__name__} is in no service's package, one with `messages` and `handlers`: say"
            ' `outbox = Outbox("<service>")` beside the class, and outbox.publish(session, event)'
        )
    _outbox_of(service).publish(session, event)


@lru_cache
def _outbox_of(service: str) -> Outbox:
    return Outbox(service)


def _session_of(session: AnySession) -> Session:
    """Returns the Session that is meant.

    Raises:
        TypeError: It is none.
    """
    if isinstance(session, scoped_session):
        session = session()
    if isinstance(session, Session):
        return session
    if hasattr(session, "run_sync"):
        raise TypeError(
            "an AsyncSession does its work in a Session: await session.run_sync(lambda session:"
            " outbox.publish(session, event))"
        )
    raise TypeError(f"a Session or a scoped_session publishes, not {type(session).__name__}")
