"""Opens a consumer's session: the database, the broker, and the mark that says whose the virtual host is."""

import logging
from collections.abc import Callable
from contextlib import ExitStack

from infirmary.consumer.applying import Applier
from infirmary.consumer.broker import Broker
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.progress import StallLimits
from infirmary.consumer.session import Session
from infirmary.consumer.store import IdentityRefused, Store
from infirmary.consumer.streams.broker import StreamBroker
from infirmary.consumer.unreadable import Unreadable, Unreadables
from infirmary.settings import Settings

_logger = logging.getLogger(__name__)


class Opening:
    """Opens the sessions of one process, and keeps what one of them has to know of those before it."""

    def __init__(
        self,
        service: str,
        settings: Settings,
        dispatcher: Dispatcher,
        open_store: Callable[[], Store],
        *,
        beside: bool = False,
    ) -> None:
        """Prepares it.

        Args:
            service: Whose sessions they are.
            settings: Where database and broker are.
            dispatcher: What the service does with messages.
            open_store: Connects to the database.
            beside: Whether they fill a read model beside the one in use.
        """
        self._service, self._settings, self._dispatcher = service, settings, dispatcher
        self._open_store, self._beside = open_store, beside
        self._unreadables = Unreadables()
        self._told_of_the_mark = False

    def session(self) -> Session:
        """Opens a session.

        Raises:
            DatabaseSetBack: The database is marked as set back to an earlier moment.
            OwnedByAnother: The virtual host is that of a service of the same name with another database.
            Exception: The database or the broker does not answer.
        """
        name = f"{self._service}/{'rebuild' if self._beside else 'consumer'}"
        with ExitStack() as undone:
            store = self._open_store()
            undone.callback(store.close)
            store.check_incarnation()
            broker = by_amqp(self._settings, name)
            undone.callback(broker.close)
            self._own(broker, store)
            reads_logs = by_streams(self._settings, name)
            if reads_logs is not None:
                undone.callback(reads_logs.close)
            session = Session(
                self._service,
                self._dispatcher.logs(),
                store,
                self._applier(store),
                broker,
                self._settings.consumer_batch_messages,
                self._unreadables,
                StallLimits(self._settings.stalled_after_s, self._settings.restart_when_stalled_s),
                self._dispatcher.handlers.projection,
                reads_logs,
                beside=self._beside,
            )
            undone.pop_all()
        return session

    def _applier(self, store: Store) -> Applier:
        dispatcher = self._dispatcher
        return Applier(store, dispatcher.handles, dispatcher.series, self._settings.saga_sequence_days)

    def _own(self, broker: Broker, store: Store) -> None:
        try:
            broker.own(self._service, store.identity())
        except (Unreadable, IdentityRefused) as refused:  # of the broker's user, or of the database's role
            if not self._told_of_the_mark:
                _logger.warning("the virtual host cannot be marked as this %s's: %s", self._service, refused)
            self._told_of_the_mark = True


def by_amqp(settings: Settings, name: str) -> Broker:
    """Connects to the broker by AMQP 0-9-1.

    Args:
        settings: Where it is.
        name: What the broker should show, for example `orders/consumer`.
    """
    return Broker(settings.broker_url, name, settings.rabbitmq_ca_file, settings.client_certificate)


def by_streams(settings: Settings, name: str) -> StreamBroker | None:
    """Connects to the broker by the protocol in which logs are read; None where that is AMQP 0-9-1, too."""
    address = settings.stream_address()
    return None if address is None else StreamBroker(address, name, lambda: by_amqp(settings, name))
