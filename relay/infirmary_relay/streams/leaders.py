"""Where logs have their leaders, and connections to the nodes that are.

The declarer's threads find out, and the loop publishes; both may be here at once.
"""

import threading
import time

from infirmary_relay.broker.errors import BrokerLostError
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Endpoint
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import WHAT_TO_LOOK_AT, StreamLostError
from infirmary_streams.heartbeats import HEARTBEAT_S

_TIMEOUT_S = 1.5
_TRIES = 10
"""Behind a load balancer it is chance which node answers: ten tries find one of three nodes 98 times of 100."""

_TRIES_AT_ONCE = 2
"""As many as the loop may wait for, who publishes nothing meanwhile."""


class Leaders:
    """What is known of a broker's nodes, of which an address names one, or a load balancer before them."""

    def __init__(self, address: StreamAddress, name: str) -> None:
        """Takes the address, and the name by which the broker shows the connections."""
        self._address, self._name = address, name
        self._lock = threading.Lock()
        self._of: dict[str, Endpoint] = {}
        self._ready: dict[Endpoint, tuple[Conversation, float]] = {}
        """With the time at which each was opened: nobody keeps them alive by heartbeats."""
        self._connected: set[Endpoint] = set()

    def of(self, target: str) -> Endpoint | None:
        """The leader of a log, as it was found last."""
        with self._lock:
            return self._of.get(target)

    def found(self, target: str, leader: Endpoint) -> None:
        """Notes where a log has its leader, and makes sure that there is a connection to it, or that there can be one.

        Raises:
            StreamLostError: It cannot be reached.
        """
        with self._lock:
            self._of[target] = leader
            if leader in self._connected or self._is_fresh(leader):
                return
        opened = self._open(leader, _TRIES)
        with self._lock:
            unused = self._ready.pop(leader, None)
            self._ready[leader] = opened, time.monotonic()
        if unused is not None:
            unused[0].drop()

    def entry(self) -> Conversation:
        """A connection to whichever node answers.

        Raises:
            StreamLostError: None does.
        """
        return Conversation(self._address, name=self._name, timeout_s=_TIMEOUT_S)

    def entry_or_lost(self) -> Conversation:
        """The same, for the relay's side.

        Raises:
            BrokerLostError: No node answers.
        """
        try:
            return self.entry()
        except StreamLostError as failed:
            raise BrokerLostError(f"{failed}. {WHAT_TO_LOOK_AT}") from failed

    def connect(self, leader: Endpoint) -> Conversation:
        """A connection to a leader, which is the caller's from now on.

        Raises:
            StreamLostError: It cannot be reached.
        """
        with self._lock:
            is_fresh = self._is_fresh(leader)
            ready = self._ready.pop(leader, None)
            self._connected.add(leader)
        if ready is not None and is_fresh:
            return ready[0]
        if ready is not None:
            ready[0].drop()
        return self._open(leader, _TRIES_AT_ONCE)

    def visit(self, leader: Endpoint) -> Conversation:
        """A connection to a leader for a look; whoever publishes has its own.

        Raises:
            StreamLostError: It cannot be reached.
        """
        return self._open(leader, _TRIES)

    def connected_to(self, node: Endpoint | None) -> None:
        """Notes that whoever publishes is connected to a node."""
        if node is not None:
            with self._lock:
                self._connected.add(node)

    def forget(self) -> None:
        """Notes that whoever publishes has lost its connections."""
        with self._lock:
            unused, self._ready = list(self._ready.values()), {}
            self._connected.clear()
        for opened, _ in unused:
            opened.drop()

    def _is_fresh(self, leader: Endpoint) -> bool:
        return leader in self._ready and time.monotonic() - self._ready[leader][1] < HEARTBEAT_S

    def _open(self, leader: Endpoint, tries: int) -> Conversation:
        """Connects to where the node says that it is, or else to the address until that node answers.

        What the broker says of its nodes need not be true from here: then somebody else may answer there, or nobody.
        """
        if leader != self._address.endpoint:
            try:
                opened = Conversation(self._address.at(leader), name=self._name, timeout_s=_TIMEOUT_S)
            except StreamLostError:
                pass
            else:
                if opened.advertised in (leader, None):
                    return opened
                opened.drop()
        through = self._address.endpoint
        why = f"the leader's node {leader} cannot be reached, neither there nor through {through}"
        for _ in range(tries):
            try:
                opened = self.entry()
            except StreamLostError as failed:  # a balancer may have tried a node that is down
                why = f"{why}: {failed}"
                continue
            if opened.advertised in (leader, None):
                return opened
            opened.drop()
        raise StreamLostError(why)
