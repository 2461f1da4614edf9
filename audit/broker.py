"""A connection to the broker, and what it says of a log."""

from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp

from audit.frames import tolerant

CONNECT_TIMEOUT_S = 3.0
LOST = (amqp.AMQPError, OSError)
"""What is raised when the broker is away."""


class Unreadable(StrEnum):
    """Why a log cannot be read."""

    MISSING = "missing"
    FORBIDDEN = "forbidden"
    WRONG_TYPE = "wrong_type"
    REFUSED = "refused"


def connection_to(url: str, ca_file: Path | None = None) -> amqp.Connection:
    """Returns a connection that is not made yet.

    Args:
        url: `amqp[s]://user:password@host[:port][/vhost]`. With amqps the broker's certificate and name are checked.
        ca_file: The certificates to trust, as a PEM file, in place of the system's.

    Raises:
        ValueError: The URL is not of that form.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise ValueError("RABBITMQ_URL: should be amqp://user:password@host:port/vhost, or amqps:// for TLS")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    tls: dict[str, Any] | bool = False
    if parts.scheme == "amqps":
        tls = {"server_hostname": parts.hostname} | ({"ca_certs": str(ca_file)} if ca_file else {})
    return amqp.Connection(
        f"{host}:{parts.port or (5671 if tls else 5672)}",
        userid=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        login_method="PLAIN",
        virtual_host=unquote(parts.path[1:]) or "/",
        ssl=tls,
        connect_timeout=CONNECT_TIMEOUT_S,
        client_properties={"connection_name": "audit"},
        frame_handler=tolerant,
    )


def length_of(connection: amqp.Connection, log: str) -> int | Unreadable:
    """Returns how many messages a log holds, or why that cannot be known.

    Raises:
        OSError, amqp.AMQPError: The broker is away.
    """
    channel = connection.channel()
    try:
        return int(channel.queue_declare(log, passive=True).message_count)
    except amqp.ChannelError as refusal:
        return why(refusal)
    finally:
        if channel.is_open:
            channel.close()


def why(refusal: amqp.ChannelError) -> Unreadable:
    """Returns what the broker means by refusing."""
    if isinstance(refusal, amqp.NotFound):
        return Unreadable.MISSING
    if isinstance(refusal, amqp.PreconditionFailed):
        return Unreadable.WRONG_TYPE  # a queue of another kind has no offsets to begin at
    return Unreadable.FORBIDDEN if isinstance(refusal, amqp.AccessRefused) else Unreadable.REFUSED
