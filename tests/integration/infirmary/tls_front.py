"""A server that speaks TLS in front of one that does not, as a PostgreSQL with a certificate would."""

import socket
import ssl
import subprocess
import threading
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"

_MAKE = """
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority &&
openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost &&
printf 'subjectAltName=DNS:localhost\\n' >names &&
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem -extfile names
"""


def make_certificates(folder: Path) -> Path:
    """Makes an authority (ca.pem) and what it has signed for `localhost` and nobody else (cert.pem, key.pem)."""
    folder.mkdir()
    subprocess.run(["sh", "-c", _MAKE], cwd=folder, check=True, capture_output=True)
    return folder


class TlsFront:
    """Passes on to PostgreSQL what comes over TLS."""

    def __init__(self, certificates: Path, server_port: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        self._server_port = server_port
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), closing(client), ExitStack() as stack:
            if client.recv(len(SSL_REQUEST)) != SSL_REQUEST:
                return  # whoever does without is not let in
            client.sendall(b"S")
            secure = stack.enter_context(self._context.wrap_socket(client, server_side=True))
            server = stack.enter_context(socket.create_connection((LOOPBACK, self._server_port)))
            back = threading.Thread(target=_pump, args=(server, secure), daemon=True)
            back.start()
            _pump(secure, server)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
