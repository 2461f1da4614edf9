"""An app with SQLAlchemy Sessions, on a database of its own for each test."""

from collections.abc import Iterator

import pytest

from infirmary.settings import Settings
from tests.integration.conftest import NewDatabase
from tests.integration.sessions.app import Shop
from tests.integration.sessions.consumer import Consumer


@pytest.fixture
def shop(new_database: NewDatabase) -> Iterator[Shop]:
    """The app on a fresh database."""
    app = Shop(new_database("patient").database_url)
    yield app
    app.close()


@pytest.fixture
def consumer(shop: Shop) -> Iterator[Consumer]:
    """The shop's consumer."""
    opened = Consumer(Settings(database_url=shop.database_url))
    yield opened
    opened.close()
