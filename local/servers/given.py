"""Servers that POSTGRES_URL, RABBITMQ_URL and MONGODB_URL name: used, never started or stopped."""

from urllib.parse import unquote, urlsplit, urlunsplit

from local.databases import Databases
from local.ports import LOOPBACK
from local.servers.base import Server
from local.servers.mongodb import mongodb_answers
from local.servers.postgres import postgres_answers
from local.servers.rabbitmq import rabbitmq_answers


class GivenPostgres(Server):
    """The server that POSTGRES_URL names, as somebody who may create roles and databases."""

    name = "PostgreSQL"
    description = "PostgreSQL, the one that POSTGRES_URL names"

    def __init__(self, url: str) -> None:
        self.url = url
        self.databases = Databases(url)

    def _answers(self) -> bool:
        return postgres_answers(self.url)


class GivenRabbitMQ(Server):
    """The broker that RABBITMQ_URL names; all services share its one user."""

    name = "RabbitMQ"
    description = "RabbitMQ, the one that RABBITMQ_URL names"

    def __init__(self, url: str) -> None:
        self.url = url

    def url_of(self, _user: str) -> str:
        """Returns the given URL, whoever asks."""
        return self.url

    def _answers(self) -> bool:
        parts = urlsplit(self.url)
        return rabbitmq_answers(
            parts.port or 5672,
            unquote(parts.username or "guest"),
            unquote(parts.password or "guest"),
            unquote(parts.path[1:]) or "/",
            host=parts.hostname or LOOPBACK,
        )


class GivenMongo(Server):
    """The server that MONGODB_URL names; the service uses its user as it is."""

    name = "MongoDB"
    description = "MongoDB, the one that MONGODB_URL names"

    def __init__(self, url: str) -> None:
        self.url = url

    def create_database(self, name: str) -> str:
        """Returns the given URL with this database in it, unless it names one already."""
        parts = urlsplit(self.url)
        return self.url if parts.path.strip("/") else urlunsplit(parts._replace(path=f"/{name}"))

    def _answers(self) -> bool:
        return mongodb_answers(self.url)
