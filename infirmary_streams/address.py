"""Where a broker's stream protocol is spoken, and as whom."""

import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infirmary_streams.commands import Endpoint

_AMQP_PORTS = {"amqp": 5672, "amqps": 5671}
_STREAM_PORTS = {"amqp": 5552, "amqps": 5551}


def stream_port(amqp_url: str, chosen: int | None) -> int:
    """The port of the stream protocol beside an AMQP listener; 0 for none.

    Args:
        amqp_url: `amqp[s]://user:password@host[:port][/vhost]`.
        chosen: What a setting says. Without one it is the usual port where the URL has AMQP's usual port: another port
            is a sign that this is not the only broker of the machine, and the usual one may be somebody else's.
    """
    parts = urlsplit(amqp_url)
    if chosen is not None:
        return chosen
    return _STREAM_PORTS.get(parts.scheme, 0) if parts.port in (None, _AMQP_PORTS.get(parts.scheme)) else 0


@dataclass(frozen=True)
class StreamAddress:
    """Host, account and virtual host.

    Attributes:
        host: The host that the user named; the broker's certificate must be for it, or for the host of a leader.
        port: Of the stream protocol.
        user: With its password; empty to log in by the client's certificate (SASL EXTERNAL).
        password: Of the user.
        virtual_host: In which the streams are.
        tls: Whether the connection is encrypted; the broker's certificate is always checked then.
        ca_file: The authorities to trust in place of the system's, as PEM.
        certificate: The client's own, as PEM, and the file of its key.
    """

    host: str
    port: int
    user: str
    password: str
    virtual_host: str
    tls: bool = False
    ca_file: Path | None = None
    certificate: tuple[Path, Path] | None = None

    @classmethod
    def beside(
        cls,
        amqp_url: str,
        port: int,
        *,
        ca_file: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> "StreamAddress":
        """The address that differs from an AMQP URL in its port alone.

        Raises:
            ValueError: The URL is not `amqp[s]://user:password@host[:port][/vhost]`.
        """
        parts = urlsplit(amqp_url)
        if parts.scheme not in _AMQP_PORTS or not parts.hostname:
            raise ValueError("should be amqp://user:password@host:port/vhost, or amqps:// for TLS")
        by_certificate = certificate is not None and not parts.username
        return cls(
            host=parts.hostname,
            port=port,
            user="" if by_certificate else unquote(parts.username or "guest"),
            password=unquote(parts.password or ("" if by_certificate else "guest")),
            virtual_host=unquote(parts.path[1:]) or "/",
            tls=parts.scheme == "amqps",
            ca_file=ca_file,
            certificate=certificate,
        )

    @property
    def endpoint(self) -> Endpoint:
        """Host and port."""
        return Endpoint(self.host, self.port)

    def at(self, endpoint: Endpoint) -> "StreamAddress":
        """The same account at another node."""
        return replace(self, host=endpoint.host, port=endpoint.port)

    def context(self) -> ssl.SSLContext:
        """How TLS is spoken.

        Raises:
            OSError: A certificate cannot be read.
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate is not None:
            context.load_cert_chain(*self.certificate)
        return context
