"""The patient service's application on a database of its own, and a look into that."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from infirmary.processes import make_app
from infirmary.settings import Settings
from tests.integration.conftest import NewDatabase

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    """The settings of a patient service with a fresh database."""
    return new_database("patient")


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The patient service's application."""
    app = make_app("patient", settings)
    yield app
    app.extensions["storage"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the patient service."""
    return app.test_client()


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.as_owner().database_url) as connection:
        return connection.execute(sql).fetchall()
