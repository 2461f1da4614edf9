"""The ends of logs, read by the stream protocol from the nodes that lead them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.set_back.tails import Unreadable
from infirmary_relay.set_back.told import Told, told_by
from infirmary_relay.streams.leaders import Leaders
from infirmary_streams import codes
from infirmary_streams.commands import Endpoint
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import NonsenseError, RefusedError, StreamLostError
from infirmary_streams.received import received
from infirmary_streams.tail import tail


class StreamTails:
    """What a look costs: a connection to each node that leads a log, for as long as it lasts."""

    def __init__(self, leaders: Leaders) -> None:
        self._leaders = leaders

    def read(self, logs: Sequence[str], messages: int) -> Iterator[tuple[str, list[Told] | Unreadable]]:
        """Gives of each log its last messages, or why they cannot be read.

        Raises:
            BrokerLostError: The broker cannot be reached.
        """
        with ExitStack() as opened:
            entry = opened.enter_context(self._leaders.entry_or_lost())
            visited: dict[Endpoint | None, Conversation] = {entry.advertised: entry}
            for log in logs:
                try:
                    leader = entry.placements(log)[log].leader
                except (KeyError, StreamLostError) as lost:
                    raise BrokerLostError(f"where {log} is cannot be known: {lost}") from lost
                try:
                    if leader is not None and leader not in visited:
                        visited[leader] = opened.enter_context(self._leaders.visit(leader))
                    yield log, list(_told(visited[leader], log, messages)) if leader is not None else _NOWHERE
                except RefusedError as refused:
                    yield log, [] if refused.code == codes.NO_SUCH_STREAM else Unreadable(str(refused))
                except StreamLostError as lost:
                    visited.pop(leader, None)
                    yield log, Unreadable(str(lost))


_NOWHERE = Unreadable("it has no leader now")


def _told(conversation: Conversation, log: str, messages: int) -> Iterator[Told]:
    for message in tail(conversation, log, messages):
        try:
            told = told_by(log, received(message).properties)
        except NonsenseError:
            continue  # it is none of a writer's that numbers its messages
        if told is not None:
            yield told
