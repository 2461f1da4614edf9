"""Servers that POSTGRES_URL, RABBITMQ_URL and MONGODB_URL name: used, never started or stopped.

DATABASE_CA_FILE and RABBITMQ_CA_FILE say which certificates are trusted, by us as by the services.
"""

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import amqp

from local.databases import Databases
from local.servers.base import Server
from local.servers.mongodb import mongodb_answers
from local.servers.postgres import postgres_answers


class ExternalPostgres(Server):
    """The server that POSTGRES_URL names, as somebody who may create roles and databases."""

    name = "PostgreSQL"
    description = "PostgreSQL, the one that POSTGRES_URL names"

    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        self.url = url
        self.databases = Databases(url, ca_file=ca_file)

    def _answers(self) -> bool:
        return postgres_answers(self.url, self.databases.ca_file)


class ExternalRabbitMQ(Server):
    """The broker that RABBITMQ_URL names; all services share its one user.

    `stream_port` is where it speaks the stream protocol; 0 where it does not, or where nobody has said so.
    """

    name = "RabbitMQ"
    description = "RabbitMQ, the one that RABBITMQ_URL names"

    def __init__(self, url: str, ca_file: Path | None = None, stream_port: int = 0) -> None:
        self.url, self._ca_file = url, ca_file
        self.stream_port = stream_port

    def url_of(self, _user: str) -> str:
        """Returns the server's URL, whoever asks."""
        return self.url

    def _answers(self) -> bool:
        parts = urlsplit(self.url)
        tls: dict[str, Any] | bool = False
        if parts.scheme == "amqps":
            tls = {"server_hostname": parts.hostname} | ({"ca_certs": str(self._ca_file)} if self._ca_file else {})
        try:
            with amqp.Connection(
                f"{parts.hostname}:{parts.port or (5671 if tls else 5672)}",
                userid=unquote(parts.username or "guest"),
                password=unquote(parts.password or "guest"),
                virtual_host=unquote(parts.path[1:]) or "/",
                ssl=tls,
                connect_timeout=2,
                read_timeout=5,
            ) as connection:
                connection.channel()
            if self.stream_port:
                socket.create_connection((parts.hostname, self.stream_port), timeout=2).close()
        except (OSError, amqp.AMQPError):
            return False
        return True


class ExternalMongo(Server):
    """The server that MONGODB_URL names; the service uses its user as it is."""

    name = "MongoDB"
    description = "MongoDB, the one that MONGODB_URL names"

    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        self.url, self._ca_file = url, ca_file

    def create_database(self, name: str) -> str:
        """Returns the server's URL with this database in it, unless it names one already."""
        parts = urlsplit(self.url)
        return self.url if parts.path.strip("/") else urlunsplit(parts._replace(path=f"/{name}"))

    def let_in(self, _name: str, _processes: Iterable[str]) -> dict[str, str]:
        """Returns nothing: there are no users but the one."""
        return {}

    def _answers(self) -> bool:
        parts = urlsplit(self.url)
        is_encrypted = parts.scheme == "mongodb+srv" or "tls=true" in parts.query or "ssl=true" in parts.query
        if self._ca_file is None or not is_encrypted:
            return mongodb_answers(self.url)
        trusted = urlencode({"tlsCAFile": self._ca_file})
        return mongodb_answers(urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, trusted))))))
