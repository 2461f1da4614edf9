"""A broker as far as logging in goes, under TLS: for what RabbitMQ of this machine cannot do yet.

To 3.11.17 and 3.12.0 RabbitMQ fails where somebody logs in to streams by a certificate (rabbitmq-server, 8488).
"""

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Self

from local.ports import LOOPBACK
from tests.unit.streams.described import array, frame, read, string, table, u16, u32

_OK, _TUNE, _RESPONSE = 1, 0x14, 0x8000
_REQUESTS = {"peer properties": 0x11, "sasl handshake": 0x12, "sasl authenticate": 0x13, "open": 0x15, "close": 0x16}


class StandIn:
    """Lets in whoever shows a certificate of an authority, and notes what it is asked, and by whom.

    Attributes:
        asked: The requests, by the names of their fields.
        subjects: The names in the certificates of those who came.
    """

    def __init__(self, certificates: Path) -> None:
        self.asked: list[dict[str, Any]] = []
        self.subjects: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "localhost.pem", certificates / "localhost.key")
        self._context.load_verify_locations(certificates / "ca.pem")
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(10)
                with contextlib.suppress(OSError), client, self._context.wrap_socket(client, server_side=True) as safe:
                    self._talk(safe)

    def _talk(self, client: ssl.SSLSocket) -> None:
        shown: Any = client.getpeercert()
        self.subjects += [value for each in shown["subject"] for key, value in each if key == "commonName"]
        while size := client.recv(4):
            asked = read(size + client.recv(int.from_bytes(size, "big")))
            self.asked.append(asked)
            if asked["command"] != "tune":
                client.sendall(self._answer(asked))

    def _answer(self, asked: dict[str, Any]) -> bytes:
        says = {
            "peer properties": table({"product": "stand-in"}),
            "sasl handshake": array(map(string, ("PLAIN", "EXTERNAL"))),
        }.get(asked["command"], b"")
        head = u32(asked["correlation"]) + u16(_OK)
        tune = frame(_TUNE, u32(1 << 20) + u32(60)) if asked["command"] == "sasl authenticate" else b""
        return frame(_REQUESTS[asked["command"]] | _RESPONSE, head + says) + tune
