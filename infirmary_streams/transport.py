"""The socket of an open connection: writes what the other side takes, reads what it says, and waits for neither.

A blocking write can deadlock: the broker stops reading while nobody reads its confirms, both buffers full.
"""

import socket
import ssl
import time
from collections import deque

from infirmary_streams.heartbeats import HEARTBEAT_S, Heartbeats

_READ_BYTES = 256 * 1024
_READS_AT_ONCE = 8
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Transport:
    """A non-blocking socket with a queue of bytes that wait to be written; whatever fails is an OSError."""

    def __init__(self, connected: socket.socket, heartbeat: bytes) -> None:
        """Takes a socket, and the frame that says nothing but that this side lives."""
        connected.setblocking(False)
        self._socket = connected
        self._outgoing: deque[memoryview] = deque()
        self._heartbeat = heartbeat
        self._heartbeats = Heartbeats(HEARTBEAT_S, time.monotonic())

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
        self._heartbeats.wrote(time.monotonic())
        self._flush()

    def exchange(self) -> bytes:
        """Writes what is queued, as far as the broker takes it, and gives the bytes that have come, if any have.

        When it is time a heartbeat is written as well.

        Raises:
            OSError: The connection is gone, or the broker has been silent for two heartbeats.
        """
        now = time.monotonic()
        if self._flush():
            self._heartbeats.wrote(now)
        received = self._read()
        if self._heartbeats.is_due(now):
            self.write(self._heartbeat)
        if received:
            self._heartbeats.heard(now)
        elif self._heartbeats.has_missed(now):
            raise ConnectionError(f"the broker was silent for {self._heartbeats.longest_silence_s:g} s")
        return received

    def close(self) -> None:
        """Drops the connection with whatever was still unwritten."""
        self._outgoing.clear()
        self._socket.close()

    def _flush(self) -> bool:
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

    def _read(self) -> bytes:
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
