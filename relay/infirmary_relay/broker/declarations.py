"""A connection that declares: targets, and whose the virtual host is.

A name says what a target is: `<service>.events` and `<service>.to.<peer>` are logs. What bears such a name and is
something else takes messages and keeps them for nobody, so the relay makes sure before it publishes. Any other target
is a queue that somebody else declares, as `<service>.inbox` was in the release before: it only has to be there.
"""

import contextlib
import logging

import amqp

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.errors import BrokerLostError, OwnedByAnotherError
from infirmary_relay.broker.targets import LogLimits, arguments_of, as_it_is, exchange_of

_TIMEOUT_S = 1.5
_MOST_DIFFERENCES = 12
"""More arguments than a queue has."""
_log = logging.getLogger(__name__)


class Declarations:
    """One connection with one channel, which py-amqp opens again when the broker has closed it over a question."""

    def __init__(self, address: BrokerAddress, limits: LogLimits, exchange: str = "") -> None:
        """Connects.

        Args:
            address: where the broker is.
            limits: how much a log keeps.
            exchange: through which logs are written, and so what they are bound to; empty for the default exchange.

        Raises:
            BrokerLostError: the broker cannot be reached.
        """
        self._limits, self._exchange = limits, exchange
        self._as_found: dict[str, dict[str, object]] = {}
        """With what targets can be declared that differ from what they should be: to ask otherwise costs a channel."""
        self._warned: set[str] = set()
        self._connection = amqp.Connection(**address.arguments(timeout_s=_TIMEOUT_S, name="relay declares"))
        try:
            self._connection.connect()
            self._channel = self._connection.channel()
        except (OSError, amqp.AMQPError) as failed:
            self._connection.collect()
            raise BrokerLostError(f"connecting to the broker failed: {failed}") from failed

    def declare(self, target: str) -> str | None:
        """Declares a log where it is missing; says why a target cannot be used, None when it is there and of its kind.

        Raises:
            BrokerLostError: the connection is gone.
        """
        arguments = arguments_of(target, self._limits)
        try:
            if arguments is None:
                missing = f"{target} does not exist, and the relay declares no other targets than logs"
                error = self._missing(target, missing)
                if error is None:
                    self._ask_to_send(target)
                return error
            return self._declared_as(target, arguments) or self._bound(target)
        except amqp.ResourceLocked as locked:
            return f"{target} is not what its name says: {_reply_text(locked)}"
        except amqp.AccessRefused as refused:
            return f"{target} cannot be written: {_reply_text(refused)}"
        except (OSError, amqp.AMQPError) as failed:
            raise BrokerLostError(f"declaring {target} failed: {failed}") from failed

    def own(self, service: str, identity: str) -> str | None:
        """Makes sure that the virtual host is this database's: an exchange's argument says whose service it was first.

        Args:
            service: the service's name.
            identity: what tells its database from every other one.

        Returns:
            Why that cannot be known, None when it is so.

        Raises:
            OwnedByAnotherError: another database's service of this name came first.
            BrokerLostError: the connection is gone.
        """
        name = f"{service}.owner"
        mine = {"alternate-exchange": f"{name}.{identity}"}
        try:
            self._channel.exchange_declare(name, "fanout", durable=True, auto_delete=False, arguments=mine)
        except amqp.AccessRefused as refused:
            return f"whose this virtual host is cannot be known: {_reply_text(refused)}"
        except amqp.PreconditionFailed as other:
            raise OwnedByAnotherError(
                f"this virtual host belongs to another {service}: this database is {identity}, and "
                f"{_reply_text(other)}. Give each hospital a virtual host of its own; if this database has replaced the"
                f" other for good, delete the exchange {name}"
            ) from other
        except (OSError, amqp.AMQPError) as failed:
            raise BrokerLostError(f"declaring {name} failed: {failed}") from failed
        return None

    def declare_exchange(self, service: str) -> str | None:
        """Declares the exchange through which a service writes its logs, and binds from now on what is declared.

        Returns:
            Why it may not be, None when it is there; then logs are written through the default exchange.

        Raises:
            BrokerLostError: the connection is gone, or the exchange is something else.
        """
        name = exchange_of(service)
        try:
            self._channel.exchange_declare(name, "direct", durable=True, auto_delete=False)
        except amqp.AccessRefused as refused:
            return f"logs are written through the default exchange: {_reply_text(refused)}"
        except (OSError, amqp.AMQPError) as failed:
            raise BrokerLostError(f"declaring {name} failed: {failed}") from failed
        self._exchange = name
        return None

    def close(self) -> None:
        """Disconnects."""
        with contextlib.suppress(OSError, amqp.AMQPError):
            self._connection.close()

    def _declared_as(self, target: str, arguments: dict[str, object]) -> str | None:
        if target in self._as_found and self._missing(target, "missing") is None:
            arguments = self._as_found[target]
        for _ in range(_MOST_DIFFERENCES):
            try:
                self._channel.queue_declare(target, durable=True, auto_delete=False, arguments=arguments)
            except amqp.PreconditionFailed as refused:
                adapted = as_it_is(arguments, _reply_text(refused))
                if adapted is None:
                    return f"{target} is not what its name says: {_reply_text(refused)}"
                self._as_found[target] = arguments = adapted
            except amqp.AccessRefused as refused:
                return self._unknown(target, _reply_text(refused))
            else:
                return None
        return f"{target} cannot be known for what it is: the broker goes on finding differences"

    def _unknown(self, target: str, said: str) -> str | None:
        """Takes a target that may not be declared as its operator declared it, when it is there."""
        error = self._missing(target, said)
        if error is None and target not in self._warned:
            self._warned.add(target)
            _log.warning("%s is taken for what its name says, as it may not be declared: %s", target, said)
        return error

    def _bound(self, log: str) -> str | None:
        if self._exchange:
            self._channel.queue_bind(log, self._exchange, routing_key=log)
        return None

    def _missing(self, target: str, error: str) -> str | None:
        """Gives the error when a target is missing."""
        try:
            self._channel.queue_declare(target, passive=True)
        except amqp.NotFound:
            return error
        return None

    def _ask_to_send(self, queue: str) -> None:
        """Asks for the right to send to a queue by a message to nobody, which the broker answers only if it refuses.

        A broker that is short of memory or disk reads nothing behind such a message. Then nothing is known: whoever
        publishes finds the same, and tells of it.

        Raises:
            AccessRefused: There is no such right.
        """
        self._channel.basic_publish(amqp.Message(b""), exchange="", routing_key="")
        with contextlib.suppress(TimeoutError):
            self._channel.queue_declare(queue, passive=True)


def _reply_text(refused: amqp.AMQPError) -> str:
    """What the broker said, without py-amqp's prefix."""
    return str(refused.reply_text)
