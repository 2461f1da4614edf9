"""An app with SQLAlchemy Sessions, on a database of its own for each test."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import NewDatabase
from tests.integration.sessions.app import Shop


@pytest.fixture
def shop(new_database: NewDatabase) -> Iterator[Shop]:
    """The app on a fresh database."""
    app = Shop(new_database("patient").database_url)
    yield app
    app.close()
