"""What is done whenever the relay connects to the broker, before it publishes anything."""

import logging
import time
from collections.abc import Sequence

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.declarations import Declarations
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.publisher import Publisher
from infirmary_relay.broker.targets import LogLimits, logs_to_declare

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
    ) -> None:
        """Takes what the connections need.

        Args:
            address: where the broker is.
            limits: how much a log keeps.
            service: the service's name.
            name: by which the broker shows the connection that publishes.
            log_parts: into how many the service's log of events is split.
            declare: the targets to declare first; None for the log of events and what the service has noted.
        """
        self._address = address
        self._limits = limits
        self._service = service
        self._name = name
        self._log_parts = log_parts
        self._declare = declare
        self._warned: set[str] = set()

    def declarations(self) -> Declarations:
        """Opens a connection that declares.

        Raises:
            BrokerLostError: the broker cannot be reached.
        """
        return Declarations(self._address, self._limits)

    def publisher(self, identity: str | None, noted: Sequence[str]) -> Publisher:
        """Opens the connection that publishes.

        Args:
            identity: what tells the service's database from every other one; None when that is not known.
            noted: the logs that the service has noted in its database.

        Raises:
            OwnedByAnotherError: the virtual host is another database's.
            BrokerLostError: the broker cannot be reached.
        """
        declarations = self.declarations()
        try:
            if identity is not None:
                self._warn(declarations.own(self._service, identity))
            known = self._declare_first(declarations, noted)
        finally:
            declarations.close()
        publisher = Publisher(self._address, name=self._name)
        publisher.known_targets |= known
        return publisher

    def _declare_first(self, declarations: Declarations, noted: Sequence[str]) -> set[str]:
        """Declares what this service publishes to; one that cannot be is looked at again with its first row."""
        targets = self._declare if self._declare is not None else logs_to_declare(self._service, self._log_parts, noted)
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
