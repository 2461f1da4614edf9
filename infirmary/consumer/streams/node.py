"""One node of the broker: a connection on which answers and chunks come as they like."""

import contextlib
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final, Protocol

from infirmary_streams import chunks, codes, commands
from infirmary_streams.commands import Answer, Endpoint, Placement
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import NonsenseError, RefusedError, StreamLostError
from infirmary_streams.link import Link

ANSWER_WITHIN_S: Final = 10
"""How long the broker may take to answer: one that hangs closes nothing."""

MOST_SUBSCRIPTIONS: Final = 256
"""Their ids have a byte each."""


class Receiver(Protocol):
    """What takes the chunks of one subscription.

    Attributes:
        log: Whose they are.
        cancelled: Whether the broker sends no more.
        lease: Its place at a node, once it has one.
    """

    log: str
    cancelled: bool
    lease: "Lease | None"

    @property
    def first_credit(self) -> int:
        """How many chunks to ask for at the beginning."""
        ...

    @property
    def held_bytes(self) -> int:
        """The size of the messages that wait here."""
        ...

    def receive(self, payload: bytes) -> None:
        """Takes a chunk in."""
        ...


class Lease:
    """A subscription's place at a node. What it says to a node that is gone is lost: whoever reads next is told."""

    def __init__(self, node: "Node", subscription_id: int, receiver: Receiver) -> None:
        self._node, self._subscription_id, self._receiver = node, subscription_id, receiver

    def give_credit(self, chunks_more: int) -> None:
        """Asks for more chunks."""
        if not self._receiver.cancelled:  # then its id is free for another one
            with contextlib.suppress(StreamLostError):
                self._node.give_credit(self._subscription_id, chunks_more)

    def end(self) -> None:
        """Stops reading."""
        if not self._receiver.cancelled:
            with contextlib.suppress(StreamLostError):
                self._node.unsubscribe(self._subscription_id)


class Node:
    """An open connection to a node.

    Attributes:
        advertised: Where the node says that it is; None where it does not say.
    """

    def __init__(self, opened: Conversation) -> None:
        self.advertised: Endpoint | None = opened.advertised
        self._link = Link(opened)
        self._ids = count(1)
        self._awaited: dict[int, bytes | None] = {}
        self._leaving: dict[int, int] = {}
        self._free = deque(range(MOST_SUBSCRIPTIONS))
        self._receivers: dict[int, Receiver] = {}

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._link.fileno()

    @property
    def has_room(self) -> bool:
        """Whether another subscription finds an id."""
        return bool(self._free)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is read from it."""
        return not self._receivers

    @property
    def held_bytes(self) -> int:
        """The size of the messages that came from it and wait."""
        return sum(receiver.held_bytes for receiver in self._receivers.values())

    def placements(self, logs: Sequence[str]) -> dict[str, Placement]:
        """Where logs are.

        Raises:
            StreamLostError: The connection is gone, or the broker does not answer.
        """
        try:
            told = commands.placements(self._ask(commands.metadata, logs))
            return {log: told[log] for log in logs}
        except (NonsenseError, KeyError) as nonsense:
            raise StreamLostError(f"the broker does not say where {', '.join(logs)} is: {nonsense}") from nonsense

    def subscribe(self, receiver: Receiver, begin: tuple[int, int | None]) -> None:
        """Starts reading a log.

        Raises:
            RefusedError: The broker does not let it be read here.
            StreamLostError: The connection is gone, or the broker does not answer.
        """
        subscription_id = self._free.popleft()  # the one that was free for longest
        self._receivers[subscription_id] = receiver
        receiver.lease = Lease(self, subscription_id, receiver)  # a chunk may come together with the answer
        answer = self._answered(chunks.subscribe, subscription_id, receiver.log, begin, receiver.first_credit)
        if answer.code != codes.OK:
            self._cancel(subscription_id)
            raise RefusedError(receiver.log, answer.code)

    def give_credit(self, subscription_id: int, more: int) -> None:
        """Asks for more chunks.

        Raises:
            StreamLostError: The connection is gone.
        """
        self._link.write(chunks.credit(subscription_id, more))

    def unsubscribe(self, subscription_id: int) -> None:
        """Stops reading; the id is given out anew only when nothing more can come for it.

        Raises:
            StreamLostError: The connection is gone.
        """
        del self._receivers[subscription_id]
        self._leave(subscription_id)

    def take_in(self) -> None:
        """Takes in what has come, without waiting; says that this process lives, if it is time.

        Raises:
            StreamLostError: The connection is gone, or the node has been silent for too long.
        """
        for key, payload in self._link.frames():
            self._handle(key, payload)

    def cancel_all(self) -> None:
        """Tells all who read from it that nothing more comes."""
        for receiver in self._receivers.values():
            receiver.cancelled = True

    def close(self) -> None:
        """Says goodbye, and disconnects without waiting."""
        self._link.close()

    def _handle(self, key: int, payload: bytes) -> None:
        if key == codes.DELIVER:
            receiver = self._receivers.get(payload[0]) if payload else None
            if receiver is not None:
                receiver.receive(payload)
        elif key == codes.METADATA_UPDATE:
            _, log = commands.metadata_update(payload)
            for subscription_id, receiver in list(self._receivers.items()):
                if receiver.log == log:
                    self._cancel(subscription_id)
        elif key == codes.CREDIT | codes.RESPONSE:
            self._cancel(chunks.credit_refused(payload)[1])
        elif key & codes.RESPONSE:
            correlation_id = int.from_bytes(payload[:4], "big")
            if correlation_id in self._awaited:
                self._awaited[correlation_id] = payload
            elif correlation_id in self._leaving:
                self._free.append(self._leaving.pop(correlation_id))

    def _cancel(self, subscription_id: int) -> None:
        """Ends what the broker has ended or refused; it may have said so before it has heard of all of it."""
        receiver = self._receivers.pop(subscription_id, None)
        if receiver is not None:
            receiver.cancelled = True
            self._leave(subscription_id)

    def _leave(self, subscription_id: int) -> None:
        """Frees an id when the broker answers: what it says of the id until then is of what had it before."""
        correlation_id = next(self._ids)
        self._leaving[correlation_id] = subscription_id
        self._link.write(chunks.unsubscribe(correlation_id, subscription_id))

    def _answered(self, make: Callable[..., bytes], *arguments: object) -> Answer:
        try:
            return commands.answer(self._ask(make, *arguments))
        except NonsenseError as nonsense:
            raise StreamLostError(str(nonsense)) from nonsense

    def _ask(self, make: Callable[..., bytes], *arguments: object) -> bytes:
        correlation_id = next(self._ids)
        self._awaited[correlation_id] = None
        ends_at = time.monotonic() + ANSWER_WITHIN_S
        self._link.write(make(correlation_id, *arguments))
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while (answer := self._awaited[correlation_id]) is None:
                left_s = ends_at - time.monotonic()
                if left_s <= 0:
                    raise StreamLostError(f"the broker did not answer within {ANSWER_WITHIN_S:g} s")
                selector.select(min(left_s, 1.0))  # what it did not take at once is written again then
                self.take_in()
        del self._awaited[correlation_id]
        return answer
