"""How a consumer's session is opened: the database, the broker, and the question whose the virtual host is."""

import logging
from collections.abc import Callable

from psycopg.errors import InsufficientPrivilege

from services.chassis.consumer.broker import Broker
from services.chassis.consumer.ledger import Ledger
from services.chassis.consumer.progress import Patience
from services.chassis.consumer.session import Session
from services.chassis.consumer.unreadable import Unreadable, Unreadables
from services.chassis.handlers import Handlers
from services.chassis.settings import Settings

log = logging.getLogger(__name__)


class Opening:
    """Opens the sessions of one process, and keeps what one of them has to know of those before it."""

    def __init__(self, service: str, settings: Settings, handlers: Handlers, open_ledger: Callable[[], Ledger]) -> None:
        self._service, self._settings, self._handlers = service, settings, handlers
        self._open_ledger = open_ledger
        self._unreadables = Unreadables()
        self._told_of_the_mark = False

    def session(self) -> Session:
        """Opens a session.

        Raises:
            OwnedByAnother: The virtual host is that of a service of the same name with another database.
            Exception: The database or the broker does not answer.
        """
        ledger = self._open_ledger()
        try:
            broker = Broker(self._settings.rabbitmq_url, f"{self._service}/consumer", self._settings.rabbitmq_ca_file)
            try:
                self._own(broker, ledger)
                return Session(
                    self._service,
                    self._handlers.logs(),
                    ledger,
                    broker,
                    self._settings.consumer_batch_messages,
                    self._unreadables,
                    Patience(self._settings.stalled_after_s, self._settings.restart_when_stalled_s),
                    self._handlers.projection,
                )
            except BaseException:
                broker.close()
                raise
        except BaseException:
            ledger.close()
            raise

    def _own(self, broker: Broker, ledger: Ledger) -> None:
        try:
            broker.own(self._service, ledger.identity())
        except (Unreadable, InsufficientPrivilege) as refused:  # of the broker's user, or of the database's role
            if not self._told_of_the_mark:
                log.warning("the virtual host cannot be marked as this %s's: %s", self._service, refused)
            self._told_of_the_mark = True
