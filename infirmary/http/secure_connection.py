"""A client's connection over TLS."""

import contextlib
import selectors
import socket
import ssl
import threading
from typing import Any, Final

from infirmary.http.connection import Connection, State

_SPOKE_PLAINLY: Final = "HTTP_REQUEST"
"""OpenSSL's name for what comes where TLS was to begin."""

_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class SpokePlainly(Exception):
    """The client speaks HTTP where HTTPS is spoken, and can only be told so in HTTP."""


class SecureConnection(Connection):
    """Like any other, after a greeting that may take as many turns as the client likes.

    Each record is read whole, so none of it waits inside of OpenSSL where no selector would tell of it: the loop reads
    with more room than the 16 KiB that a record holds at the most.
    """

    def __init__(self, secure: ssl.SSLSocket, client: Any, server: Any, config: Any) -> None:
        super().__init__(secure, client, server, config)
        self.state = State.GREETING
        self._secure = secure
        self._turn = threading.Lock()
        """The loop reads while a thread sends, and OpenSSL takes one call for a connection at a time."""

    def greet(self) -> int | None:
        """Goes on with the greeting.

        Returns:
            The selector's event that it waits for; 0 when it is over, and None when there will be none.

        Raises:
            SpokePlainly: What came is HTTP; what is sent from now on is so, too.
        """
        try:
            self._secure.do_handshake()
        except ssl.SSLWantReadError:
            return selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            return selectors.EVENT_WRITE
        except ssl.SSLError as error:
            if error.reason == _SPOKE_PLAINLY:
                self.socket = socket.socket(fileno=self._secure.detach())
                raise SpokePlainly from None
            return None
        except OSError:
            return None
        return 0

    def receive(self, most_bytes: int) -> bytes | None:
        """Returns what has come: nothing when the client has closed or is gone, None when nothing is whole yet."""
        try:
            with self._turn:
                return self.socket.recv(most_bytes)
        except _NOT_NOW:
            return None
        except OSError:
            return b""

    def send(self, data: bytes | memoryview) -> int | None:
        """Returns how many bytes were sent; None when there is no client any more."""
        try:
            with self._turn:
                return self.socket.send(data)
        except _NOT_NOW:
            return 0
        except OSError:
            return None

    def shut_down(self) -> bool:
        """Tells the client that nothing more comes, in TLS and below. Returns False when there is none any more."""
        with self._turn, contextlib.suppress(OSError, ValueError):
            self._secure.unwrap()  # which would like to hear the same of the client, and is not waited for
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
        except OSError:
            return False
        return True
