"""Looks for logs and declares those that are missing, by the stream protocol."""

import time

from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.targets import LogLimits, arguments_of
from infirmary_relay.streams.leaders import Leaders
from infirmary_streams import codes
from infirmary_streams.commands import Placement
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import RefusedError, StreamLostError

_LEADER_S = 1.0
"""How long a log that was just declared may take to have a leader."""
_AGAIN_S = 0.02
_UNKNOWN = Placement(codes.NO_SUCH_STREAM)
_PREFIX = "x-"
_KIND = "x-queue-type"


class StreamDeclarations:
    """One connection, to whichever node answers."""

    def __init__(self, conversation: Conversation, leaders: Leaders, limits: LogLimits) -> None:
        self._conversation, self._leaders, self._limits = conversation, leaders, limits

    def declare(self, target: str) -> str | None:
        """Declares a log where it is missing; says why it cannot be used, None when it is there and may be written.

        Raises:
            BrokerLostError: The connection is gone.
        """
        try:
            error = self._declared(target)
            if error is None:
                self._conversation.may_publish(target)
        except RefusedError as refused:
            return f"it cannot be written: {refused}"
        except StreamLostError as failed:
            raise BrokerLostError(f"declaring {target} failed: {failed}") from failed
        return error

    def close(self) -> None:
        """Disconnects."""
        self._conversation.close()

    def _declared(self, target: str) -> str | None:
        placement = self._placement(target)
        if placement.code == codes.NO_SUCH_STREAM:
            error = self._create(target)
            if error is not None:
                return error
        ends_at = time.monotonic() + _LEADER_S
        while placement.leader is None and time.monotonic() < ends_at:
            time.sleep(_AGAIN_S)
            placement = self._placement(target)
        if placement.leader is None:
            return f"{target} has no leader now: {codes.name_of(placement.code)}"
        self._leaders.found(target, placement.leader)
        return None

    def _placement(self, target: str) -> Placement:
        return self._conversation.placements(target).get(target, _UNKNOWN)

    def _create(self, target: str) -> str | None:
        arguments = arguments_of(target, self._limits) or {}
        told = {key.removeprefix(_PREFIX): str(value) for key, value in arguments.items() if key != _KIND}
        try:
            self._conversation.create(target, told)
        except RefusedError as refused:
            if refused.code in (codes.STREAM_EXISTS, codes.PRECONDITION_FAILED):
                is_log = self._placement(target).code != codes.NO_SUCH_STREAM
                return None if is_log else f"{target} is not what its name says: it exists, and is no log"
            return f"{target} does not exist, and may not be declared: {codes.name_of(refused.code)}"
        return None
