"""What a private node of RabbitMQ is told: rabbitmq.conf, the virtual host, the users and their rights."""

import base64
import hashlib
import re
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from local.ports import LOOPBACK

ADMINISTRATOR = "infirmary"
VHOST = "infirmary"
MESSAGE_MAX_BYTES = 1_048_576
"""The same as MESSAGE_MAX_BYTES of the services and the relay: they refuse earlier, and with better words."""

STREAM_FRAME_MAX_BYTES = 2 * MESSAGE_MAX_BYTES
"""Largest frame of the stream protocol: the largest body has to fit into one, together with its sections."""

FULL_RIGHTS = {"configure": ".*", "write": ".*", "read": ".*"}

CONNECTIONS_PER_USER, CHANNELS_PER_USER = 256, 512
"""Far more than the pods of a service open: a consumer one by AMQP and one to each node, a relay up to four more."""

MOST_QUEUES = 2000
"""Logs and queues of the virtual host: a service that is allowed to declare its own might declare without end."""

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


def node_definitions(passwords: Mapping[str, str], reads: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Returns the virtual host, the users, their rights and limits, as RabbitMQ loads them at each start.

    Args:
        passwords: Of each user, the administrator among them.
        reads: The stems of the logs that each service reads.
    """
    limits = {"max-connections": CONNECTIONS_PER_USER, "max-channels": CHANNELS_PER_USER}
    return {
        "vhosts": [{"name": VHOST}],
        "users": [
            {
                "name": user,
                "password_hash": password_hash(password, secrets.token_bytes(4)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator" if user == ADMINISTRATOR else "",
                "limits": {} if user == ADMINISTRATOR else limits,
            }
            for user, password in passwords.items()
        ],
        "parameters": [
            {"vhost": VHOST, "component": "vhost-limits", "name": "limits", "value": {"max-queues": MOST_QUEUES}}
        ],
        "permissions": [
            {
                "vhost": VHOST,
                "user": user,
                **(FULL_RIGHTS if user == ADMINISTRATOR else service_rights(user, reads[user])),
            }
            for user in passwords
        ],
    }


def service_rights(service: str, reads: Collection[str]) -> dict[str, str]:
    """Returns what a service's user may touch, as patterns of names.

    It may declare its own logs and write to them, and to nobody else's; it reads the logs that its contracts name, and
    what it has said itself: that tells whether its database was set back. The stream protocol asks for the right to
    write to the log itself. By AMQP 0-9-1 a log is written through the service's exchange `<service>.logs`: to bind a
    log to it, the broker asks for `write` on the log. The default exchange, through which everything can be reached
    and nothing is asked, is nobody's.

    `<service>.owner` says whose the virtual host is: the broker wants `configure` and `read` on it, and `write` on the
    alternate exchange `<service>.owner.<identity>` that it names. `<service>.inbox` is the queue in which a release
    before got its commands.

    Args:
        service: Whose user it is.
        reads: The stems of the logs that it reads: `ward` for ward.events, `ward.to.admission` for that log.
    """
    own = rf"{service}\.({_LOG}|owner|inbox|logs)"
    names = (re.escape(stem if ".to." in stem else f"{stem}.events") for stem in sorted(reads))
    others = rf"({'|'.join(names)}){_PART}|" if reads else ""
    return {
        "configure": rf"^{own}$",
        "write": rf"^{service}\.({_LOG}|owner\.[0-9a-f.-]+|logs)$",
        "read": rf"^({others}{own})$",
    }


def password_hash(password: str, salt: bytes) -> str:
    """Returns RabbitMQ's form of a password: base64 of a salt of 4 bytes and the SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
