"""An app with SQLAlchemy Sessions, on a database of its own for each test."""

from collections.abc import Iterator

import pytest

from infirmary.postgres.migrate import migrate_library
from infirmary.settings import Settings
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.integration.sessions.app import Shop
from tests.integration.sessions.consumer import Consumer


@pytest.fixture(scope="session")
def library_template(postgres: PostgresServer | ExternalPostgres) -> str:
    """Returns the name of a database with the library's tables and no service's, to be cloned."""
    name = "template_of_the_library"
    postgres.databases.make_template(name, lambda url: migrate_library("shop", Settings(database_url=url)))
    return name


@pytest.fixture
def shop(postgres: PostgresServer | ExternalPostgres, library_template: str) -> Iterator[Shop]:
    """The app on a fresh database."""
    with postgres.databases.clone(library_template) as url:
        app = Shop(url)
        yield app
        app.close()


@pytest.fixture
def consumer(shop: Shop) -> Iterator[Consumer]:
    """The shop's consumer."""
    opened = Consumer(Settings(database_url=shop.database_url))
    yield opened
    opened.close()
