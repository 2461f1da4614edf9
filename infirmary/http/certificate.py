"""The certificate by which an API proves its name, read anew when its files have changed."""

import logging
import socket
import ssl
import time
from pathlib import Path
from typing import Final

from cryptography import x509
from prometheus_client import Gauge

_logger = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 2.0

_EXPIRES: Final = Gauge(
    "infirmary_http_certificate_expires_timestamp_seconds",
    "When does the API's certificate expire? Unix time; clients that come later refuse it. 0 without TLS.",
)


class Certificate:
    """A pair of files, and what greets clients with them.

    Whoever renews a certificate puts other files in the place of these; connections that are open keep what they have.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Reads the files.

        Args:
            certificate: PEM: the own one first, then those that lead to an authority that clients trust.
            key: PEM, without a password.

        Raises:
            OSError: They cannot be read, or are no certificate and its key (ssl.SSLError is one).
            ValueError: The certificate is none.
        """
        self._files = certificate, key
        self._as_read = self._seen()
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        self._context = self._read()

    def wrap(self, connected: socket.socket) -> ssl.SSLSocket:
        """Returns a connection on which the greeting has not begun.

        Args:
            connected: Its socket, which does not block, and is taken over.

        Raises:
            OSError: The client has left.
        """
        return self._context.wrap_socket(connected, server_side=True, do_handshake_on_connect=False)

    def look(self) -> None:
        """Reads the files anew if they are others than before; what cannot be used changes nothing."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        try:
            seen = self._seen()
            if seen == self._as_read:
                return
            self._context = self._read()
            self._as_read = seen
        except (OSError, ValueError) as error:
            _logger.warning("the API's new certificate cannot be used, so the one before is shown: %s", error)
            return
        _logger.info("the API shows a new certificate")

    def _seen(self) -> list[tuple[int, int]]:
        stats = [file.stat() for file in self._files]
        return [(stat.st_mtime_ns, stat.st_ino) for stat in stats]

    def _read(self) -> ssl.SSLContext:
        certificate, key = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.load_cert_chain(certificate, key, password=_no_password)
        own = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        _EXPIRES.set(own.not_valid_after_utc.timestamp())
        return context


def _no_password() -> str:
    """Answers in place of the terminal that OpenSSL would ask."""
    return ""
