"""The socket of an open connection: writes what the other side takes, reads what it says, and waits for neither.

A blocking write can deadlock: the broker stops reading while nobody reads its confirms, both buffers full.
"""

import socket
import ssl
from collections import deque

_READ_BYTES = 256 * 1024
_READS_AT_ONCE = 8
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Transport:
    """A non-blocking socket with a queue of bytes that wait to be written; whatever fails is an OSError."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._outgoing: deque[memoryview] = deque()

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    @property
    def has_unwritten(self) -> bool:
        """Whether bytes wait for the broker to take them."""
        return bool(self._outgoing)

    def write(self, data: bytes) -> None:
        """Queues bytes and writes as many as the broker takes now.

        Raises:
            OSError: The connection is gone.
        """
        self._outgoing.append(memoryview(data))
        self.flush()

    def flush(self) -> bool:
        """Writes what is queued, as far as the broker takes it; True when any of it went.

        Raises:
            OSError: The connection is gone.
        """
        wrote = False
        try:
            while self._outgoing:
                first = self._outgoing[0]
                sent = self._socket.send(first)
                wrote = True
                if sent < len(first):
                    self._outgoing[0] = first[sent:]
                else:
                    self._outgoing.popleft()
        except _WOULD_BLOCK:
            pass
        except OSError as lost:
            raise ConnectionError(f"writing to the broker failed: {lost}") from lost
        return wrote

    def read(self) -> bytes:
        """The bytes that have come, none when there are none.

        Raises:
            OSError: The connection is gone.
        """
        pieces: list[bytes] = []
        try:
            for _ in range(_READS_AT_ONCE):
                piece = self._socket.recv(_READ_BYTES)
                if not piece and pieces:
                    break
                if not piece:
                    raise ConnectionResetError("the broker closed the connection")
                pieces.append(piece)
                if len(piece) < _READ_BYTES and not isinstance(self._socket, ssl.SSLSocket):
                    break
        except _WOULD_BLOCK:
            pass
        except OSError as lost:
            raise ConnectionError(f"reading from the broker failed: {lost}") from lost
        return b"".join(pieces)

    def close(self) -> None:
        """Drops the connection with whatever was still unwritten."""
        self._outgoing.clear()
        self._socket.close()
