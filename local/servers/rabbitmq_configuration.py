"""What a private node of RabbitMQ is told: rabbitmq.conf, the virtual host, the users and their rights."""

import base64
import hashlib
import secrets
from pathlib import Path

from local.ports import LOOPBACK

ADMINISTRATOR = "infirmary"
VHOST = "infirmary"
MESSAGE_MAX_BYTES = 1_048_576
"""The same as MESSAGE_MAX_BYTES of the services and the relay: they refuse earlier, and with better words."""

STREAM_FRAME_MAX_BYTES = 2 * MESSAGE_MAX_BYTES
"""Largest frame of the stream protocol: the largest body has to fit into one, together with its sections."""

FULL_RIGHTS = {"configure": ".*", "write": ".*", "read": ".*"}

_SERVICE = "[a-z][a-z0-9-]*"
_PART = r"(\.[1-9][0-9]?)?"
_LOG = rf"(events|to\.{_SERVICE}){_PART}"


def node_configuration(listener: str, definitions: Path) -> str:
    """Returns the text of rabbitmq.conf."""
    return (
        f"listeners.tcp.1 = {listener}\n"
        f"load_definitions = {definitions}\n"
        "log.console = true\n"
        "log.console.level = warning\n"
        "log.file = false\n"
        f"max_message_size = {MESSAGE_MAX_BYTES}\n"
    )


def stream_configuration(listener: str, advertised_port: int) -> str:
    """Returns the lines of rabbitmq.conf for a node with the plugin rabbitmq_stream.

    Args:
        listener: Address and port that the node listens on.
        advertised_port: Where clients are sent who ask which node leads a log.
    """
    return (
        f"stream.listeners.tcp.1 = {listener}\n"
        f"stream.frame_max = {STREAM_FRAME_MAX_BYTES}\n"
        f"stream.advertised_host = {LOOPBACK}\n"
        f"stream.advertised_port = {advertised_port}\n"
    )


def node_definitions(passwords: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """Returns the virtual host, the users and their rights, as RabbitMQ loads them at each start."""
    return {
        "vhosts": [{"name": VHOST}],
        "users": [
            {
                "name": user,
                "password_hash": password_hash(password, secrets.token_bytes(4)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator" if user == ADMINISTRATOR else "",
            }
            for user, password in passwords.items()
        ],
        "permissions": [
            {"vhost": VHOST, "user": user, **(FULL_RIGHTS if user == ADMINISTRATOR else service_rights(user))}
            for user in passwords
        ],
    }


def service_rights(service: str) -> dict[str, str]:
    """Returns what a service's user may touch, as patterns of names.

    It may declare its own logs and write to them, and to nobody else's; it reads everybody's events and what is written
    to it alone. The stream protocol asks for the right to write to the log itself. AMQP 0-9-1 asks for the default
    exchange alone, through which every log can be reached.

    `<service>.owner` says whose the virtual host is: the broker wants `configure` and `read` on it, and `write` on the
    alternate exchange `<service>.owner.<identity>` that it names. `<service>.inbox` is the queue in which a release
    before got its commands.
    """
    return {
        "configure": rf"^{service}\.({_LOG}|owner|inbox)$",
        "write": rf"^(amq\.default|{service}\.({_LOG}|owner\.[0-9a-f.-]+))$",
        "read": rf"^({_SERVICE}\.(events|to\.{service}){_PART}|{service}\.(owner|inbox))$",
    }


def password_hash(password: str, salt: bytes) -> str:
    """Returns RabbitMQ's form of a password: base64 of a salt of 4 bytes and the SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
