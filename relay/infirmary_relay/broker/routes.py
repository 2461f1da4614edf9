"""Two ways to the broker: logs by the stream protocol, everything else by AMQP 0-9-1."""

import contextlib
from collections.abc import Callable, Sequence
from operator import itemgetter

from infirmary_relay.broker.declarer import Declaring
from infirmary_relay.broker.publisher import Publisher, Waiting
from infirmary_relay.broker.targets import is_anothers, is_log
from infirmary_relay.message import TARGET, Row
from infirmary_relay.window import Window


class Routes:
    """A publisher for logs, and one for queues, which is opened when the first message for one comes.

    The two know nothing of each other: order holds in a log or a queue, and no message goes to both.
    """

    def __init__(self, logs: Publisher, open_queues: Callable[[], Publisher]) -> None:
        self._logs = logs
        self._open_queues = open_queues
        self._publishers = [logs]
        self.known_targets = logs.known_targets

    @property
    def blocked(self) -> str | None:
        """Why the broker takes nothing of what goes to queues at the moment, None when it does."""
        return next((publisher.blocked for publisher in self._publishers if publisher.blocked), None)

    @property
    def waiting(self) -> Waiting:
        """The descriptors to wait on."""
        reading, writing = [], []
        for publisher in self._publishers:
            reading += publisher.waiting.reading
            writing += publisher.waiting.writing
        return Waiting(reading, writing)

    def has_room(self, windows: int) -> bool:
        """Whether another batch may be published with at most so many in flight on either way.

        One that is blocked may be so for hours, and has no say: while `blocked` gives a reason, there is room for logs.
        """
        return all(publisher.has_room(windows) for publisher in self._publishers if not publisher.blocked)

    def in_flight(self) -> list[Row]:
        """The messages of which the broker has not said what became of them."""
        return [row for publisher in self._publishers for row in publisher.in_flight()]

    def publish(self, rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
        """Publishes each message on its way.

        Raises:
            BrokerLostError: A connection is gone, or the one for queues cannot be opened.
        """
        logs = {target for target in set(map(itemgetter(TARGET), rows)) if is_log(target)}
        to_logs = [row for row in rows if row[TARGET] in logs]
        if len(to_logs) == len(rows):
            return self._logs.publish(rows)
        queues = self._queues()  # first: were it not to open, what went to logs before would be sent again and again
        return self._logs.publish(to_logs) + queues.publish([row for row in rows if row[TARGET] not in logs])

    def settled(self, may_end: Callable[[Window], bool]) -> list[Window]:
        """Reads what the broker has said on both ways, and gives the windows of which all is known."""
        return [window for publisher in self._publishers for window in publisher.settled(may_end)]

    def close(self) -> None:
        """Drops all connections."""
        for publisher in self._publishers:
            publisher.close()

    def _queues(self) -> Publisher:
        if len(self._publishers) == 1:
            self._publishers.append(self._open_queues())
        return self._publishers[1]


class OwnDeclarations:
    """Declares what a service may write, and does not ask the broker about logs of others, whatever that would allow.

    One account for all services, as a broker of a provider may have, is allowed everything.
    """

    def __init__(self, service: str, declarations: Declaring) -> None:
        self._service, self._declarations = service, declarations

    def declare(self, target: str) -> str | None:
        """Declares a target where it is missing; says why it cannot be used, None when it is there and may be written.

        Raises:
            BrokerLostError: The connection is gone, or cannot be opened.
        """
        return is_anothers(target, self._service) or self._declarations.declare(target)

    def close(self) -> None:
        """Disconnects."""
        self._declarations.close()


class RoutedDeclarations:
    """Declares logs on one connection and looks for queues on another; each is opened when there is need of it."""

    def __init__(self, open_logs: Callable[[], Declaring], open_queues: Callable[[], Declaring]) -> None:
        self._open = {True: open_logs, False: open_queues}
        self._opened: dict[bool, Declaring] = {}

    def declare(self, target: str) -> str | None:
        """Declares a target where it is missing; says why it cannot, None when it is there and of the right kind.

        Raises:
            BrokerLostError: The connection is gone, or cannot be opened.
        """
        kind = is_log(target)
        if kind not in self._opened:
            self._opened[kind] = self._open[kind]()
        return self._opened[kind].declare(target)

    def close(self) -> None:
        """Disconnects."""
        with contextlib.suppress(Exception):  # a connection that is lost is closed
            for opened in self._opened.values():
                opened.close()
