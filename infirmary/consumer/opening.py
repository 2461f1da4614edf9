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
        self, service: str, settings: Settings, dispatcher: Dispatcher, open_store: Callable[[], Store]
    ) -> None:
        self._service, self._settings, self._dispatcher = service, settings, dispatcher
        self._open_store = open_store
        self._unreadables = Unreadables()
        self._told_of_the_mark = False

    def session(self) -> Session:
        """Opens a session.

        Raises:
            OwnedByAnother: The virtual host is that of a service of the same name with another database.
            Exception: The database or the broker does not answer.
        """
        with ExitStack() as undone:
            store = self._open_store()
            undone.callback(store.close)
            broker = self._by_amqp()
            undone.callback(broker.close)
            self._own(broker, store)
            by_streams = self._by_streams()
            if by_streams is not None:
                undone.callback(by_streams.close)
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
                by_streams,
            )
            undone.pop_all()
        return session

    def _by_amqp(self) -> Broker:
        chosen = self._settings
        name = f"{self._service}/consumer"
        return Broker(chosen.rabbitmq_url, name, chosen.rabbitmq_ca_file, chosen.client_certificate)

    def _by_streams(self) -> StreamBroker | None:
        address = self._settings.stream_address()
        return None if address is None else StreamBroker(address, f"{self._service}/consumer", self._by_amqp)

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
