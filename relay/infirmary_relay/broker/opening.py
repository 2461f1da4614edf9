"""What is done whenever the relay connects to the broker, before it publishes anything."""

import logging
import time
from collections.abc import Sequence

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.declarations import Declarations
from infirmary_relay.broker.declarer import Declaring
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.publisher import Publisher, QueuePublisher
from infirmary_relay.broker.routes import OwnDeclarations, RoutedDeclarations, Routes
from infirmary_relay.broker.tails import AmqpTails
from infirmary_relay.broker.targets import LogLimits, exchange_of, logs_to_declare
from infirmary_relay.set_back.tails import Tails
from infirmary_relay.streams.declarations import StreamDeclarations
from infirmary_relay.streams.leaders import Leaders
from infirmary_relay.streams.publisher import StreamPublisher
from infirmary_relay.streams.tails import StreamTails
from infirmary_streams.address import StreamAddress
from infirmary_streams.errors import StreamLostError

_LONGEST_S = 4.0
"""How long the loop may wait for declarations; what is not declared by then is looked at with its first message."""
_log = logging.getLogger(__name__)


class Opening:
    """Opens a service's connections: makes sure whose the virtual host is, and declares the service's own targets."""

    def __init__(
        self,
        address: BrokerAddress,
        limits: LogLimits,
        *,
        service: str,
        name: str,
        log_parts: int,
        declare: Sequence[str] | None,
        streams: StreamAddress | None = None,
        sub_entry_messages: int = 1,
    ) -> None:
        """Takes what the connections need.

        Args:
            address: where the broker is.
            limits: how much a log keeps.
            service: the service's name.
            name: by which the broker shows the connection that publishes.
            log_parts: into how many the service's log of events is split.
            declare: the targets to declare first; None for the log of events and what the service has noted.
            streams: where the stream protocol is spoken, by which logs go then; None for AMQP, by which all goes.
            sub_entry_messages: how many messages of a log go into one sub-entry; 1 for none.
        """
        self._address = address
        self._limits = limits
        self._service = service
        self._name = name
        self._log_parts = log_parts
        self._declare = declare
        self._leaders = Leaders(streams, name) if streams is not None else None
        self._sub_entry_messages = sub_entry_messages
        self._exchange = ""
        """Through which logs are written by AMQP; empty for the default exchange."""
        self._warned: set[str] = set()

    def declarations(self) -> Declaring:
        """Opens what declares.

        Raises:
            BrokerLostError: the broker cannot be reached.
        """
        if self._leaders is None:
            return OwnDeclarations(self._service, self._queues())
        leaders = self._leaders
        return OwnDeclarations(
            self._service,
            RoutedDeclarations(
                lambda: StreamDeclarations(leaders.entry_or_lost(), leaders, self._limits), self._queues
            ),
        )

    def tails(self) -> Tails:
        """What reads the ends of logs."""
        return AmqpTails(self._address) if self._leaders is None else StreamTails(self._leaders)

    def logs(self, noted: Sequence[str]) -> list[str]:
        """The logs that the service writes, those that are not declared here as well.

        Args:
            noted: what the service has noted in its database.
        """
        return logs_to_declare(self._service, self._log_parts, noted)

    def publisher(self, identity: str | None, noted: Sequence[str]) -> Publisher:
        """Opens the connection that publishes.

        Args:
            identity: what tells the service's database from every other one; None when that is not known.
            noted: the logs that the service has noted in its database.

        Raises:
            OwnedByAnotherError: the virtual host is another database's.
            BrokerLostError: the broker cannot be reached.
        """
        queues = self._queues()
        try:
            if identity is not None:
                self._warn(queues.own(self._service, identity))
            if self._leaders is None:
                refused = queues.declare_exchange(self._service)
                self._warn(refused)
                self._exchange = "" if refused else exchange_of(self._service)
                return self._publisher_of_queues(self._declare_first(queues, noted))
        finally:
            queues.close()
        return self._publisher_of_logs(self._leaders, noted)

    def _queues(self) -> Declarations:
        return Declarations(self._address, self._limits, self._exchange)

    def _publisher_of_queues(self, known: set[str]) -> QueuePublisher:
        publisher = QueuePublisher(self._address, name=self._name, service=self._service, exchange=self._exchange)
        publisher.known_targets |= known
        return publisher

    def _publisher_of_logs(self, leaders: Leaders, noted: Sequence[str]) -> Routes:
        opened = leaders.entry_or_lost()
        leaders.connected_to(opened.advertised)
        known = self._declare_first(StreamDeclarations(opened, leaders, self._limits), noted)
        try:
            logs = StreamPublisher(leaders, opened, self._sub_entry_messages, service=self._service)
        except StreamLostError as lost:
            raise BrokerLostError(str(lost)) from lost
        logs.known_targets |= known
        return Routes(logs, lambda: self._publisher_of_queues(set()))

    def _declare_first(self, declarations: Declaring, noted: Sequence[str]) -> set[str]:
        """Declares what this service publishes to; one that cannot be is looked at again with its first row."""
        declarations = OwnDeclarations(self._service, declarations)
        targets = self._declare if self._declare is not None else self.logs(noted)
        known: set[str] = set()
        ends_at = time.monotonic() + _LONGEST_S
        for target in targets:
            if time.monotonic() > ends_at:
                break
            try:
                error = declarations.declare(target)
            except BrokerLostError as failed:
                self._warn(str(failed))  # this target's own error, as the broker has just answered
                break
            self._warn(error)
            known |= {target} if error is None else set()
        return known

    def _warn(self, error: str | None) -> None:
        """Logs each error once: a connection that is lost again and again has the same every time."""
        if error is not None and error not in self._warned:
            self._warned.add(error)
            _log.warning("%s", error)
