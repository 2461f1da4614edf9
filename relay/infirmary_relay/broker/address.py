"""Where the broker is, taken from an amqp:// or amqps:// URL."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from infirmary_streams.heartbeats import HEARTBEAT_S

USER_TIMEOUT_MS = 60_000
"""py-amqp's default of one second kills a connection that the broker only blocks."""


@dataclass(frozen=True)
class BrokerAddress:
    """Host, account and virtual host of a broker."""

    host: str
    port: int
    user: str
    password: str
    virtual_host: str
    tls: bool
    ca_file: Path | None = None
    certificate: tuple[Path, Path] | None = None
    """The client's own, and the file of its key."""

    @classmethod
    def parse(
        cls, url: str, ca_file: Path | None = None, certificate: tuple[Path, Path] | None = None
    ) -> "BrokerAddress":
        """Reads `amqp[s]://user:password@host[:port][/vhost]`; without a user the certificate says who it is.

        Raises:
            ValueError: the URL is not of that form.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
            raise ValueError("should be amqp://user:password@host:port/vhost, or amqps:// for TLS")
        tls = parts.scheme == "amqps"
        return cls(
            host=parts.hostname,
            port=parts.port or (5671 if tls else 5672),
            user="" if certificate and not parts.username else unquote(parts.username or "guest"),
            password=unquote(parts.password or "guest"),
            virtual_host=unquote(parts.path[1:]) or "/",
            tls=tls,
            ca_file=ca_file,
            certificate=certificate,
        )

    def arguments(self, *, timeout_s: float, name: str) -> dict[str, Any]:
        """The arguments with which py-amqp connects here; every single wait ends after `timeout_s`."""
        return {
            "host": f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}",
            "userid": self.user,
            "password": self.password,
            "login_method": "PLAIN" if self.user else "EXTERNAL",
            "virtual_host": self.virtual_host,
            "ssl": self._tls() if self.tls else False,
            "heartbeat": HEARTBEAT_S,
            "connect_timeout": timeout_s,
            "read_timeout": timeout_s,
            "write_timeout": timeout_s,
            "socket_settings": {socket.TCP_USER_TIMEOUT: USER_TIMEOUT_MS, socket.TCP_NODELAY: 1},
            "client_properties": {"connection_name": name, "capabilities": {"basic.nack": True}},
        }

    def _tls(self) -> dict[str, str]:
        """The broker's certificate is always checked, against the system's authorities unless others are given."""
        files = {"ca_certs": str(self.ca_file)} if self.ca_file else {}
        if self.certificate:
            files |= {"certfile": str(self.certificate[0]), "keyfile": str(self.certificate[1])}
        return {"server_hostname": self.host} | files
