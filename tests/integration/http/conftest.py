"""A patient service's API that all tests of a module share."""

from collections.abc import Callable, Iterator

import pytest

from infirmary.process_roles import Process
from infirmary.settings import Settings
from local.databases import as_process
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.integration.http.issuer import Issuer, issuing
from tests.integration.http.served import Served, served


@pytest.fixture(scope="module")
def patients(postgres: PostgresServer | ExternalPostgres, templates: Callable[[str], str]) -> Iterator[Settings]:
    """The settings of a patient service with a database of its own."""
    with postgres.databases.clone(templates("patient")) as url:
        yield Settings(database_url=as_process(url, Process.API), owner_database_url=url)


@pytest.fixture(scope="module")
def api(patients: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Its API, which runs."""
    with served("patient", patients, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """A provider of identities."""
    with issuing(tmp_path_factory.mktemp("issuer")) as running:
        yield running
