"""One client's connection: what it sends, what it is still to be sent, and who has it in hand."""

import socket
from enum import Enum
from typing import Any

from infirmary.http.incoming import Incoming


class State(Enum):
    """Who has a connection in hand."""

    GREETING = "the loop, which agrees on keys with the client"
    READING = "the loop, which waits for a request"
    WORKING = "a thread"
    WRITING = "the loop, which sends the rest of an answer"
    CLOSING = "the loop, which is about to close it"
    LINGERING = "the loop, which waits for the client to close it, too"
    CLOSED = "nobody"


class Connection:
    """A connection on which nothing waits.

    Attributes:
        state: While a thread works on it, the loop only reads what comes.
        due_at: When the loop gives the client up, by the monotonic clock.
        ended: Whether the client has sent all that it will.
        last: Whether the answer under way is the last one.
        watched: What the loop waits for.
    """

    def __init__(self, connected: socket.socket, client: Any, server: Any, config: Any) -> None:
        self.socket, self.client, self.server = connected, client, server
        self.incoming = Incoming(config, client)
        self.unsent = memoryview(b"")
        self.state = State.READING
        self.due_at = 0.0
        self.ended = False
        self.last = False
        self.watched = 0

    def receive(self, most_bytes: int) -> bytes | None:
        """Returns what has come: nothing when the client has closed or is gone, None when it was a false alarm."""
        try:
            return self.socket.recv(most_bytes)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def queue(self, data: bytes) -> None:
        """Takes an answer to be sent."""
        self.unsent = memoryview(data)

    def flush(self) -> bool:
        """Sends what the client takes now. Returns False when there is no client any more."""
        while self.unsent:
            sent = self.send(self.unsent)
            if sent is None:
                self.unsent = memoryview(b"")
                return False
            if sent == 0:
                break
            self.unsent = self.unsent[sent:]
        return True

    def send(self, data: bytes | memoryview) -> int | None:
        """Returns how many bytes were sent; None when there is no client any more."""
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return None

    def shut_down(self) -> bool:
        """Tells the client that nothing more comes. Returns False when there is no client any more."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True
