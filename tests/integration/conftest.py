"""Real servers for the integration tests, started once, and a fresh database for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from infirmary.postgres.migrate import migrate
from infirmary.settings import Settings
from local.databases import Databases
from local.ports import free_port
from local.servers.choice import Servers, servers_for
from local.servers.docker import DockerRabbitMQServer
from local.servers.external import ExternalPostgres, ExternalRabbitMQ
from local.servers.postgres import PostgresServer
from local.servers.rabbitmq import RabbitMQServer
from tests.integration.mongodb_rights import AnyMongo, MongoAs, watched

AnyRabbitMQ = RabbitMQServer | DockerRabbitMQServer | ExternalRabbitMQ
NewDatabase = Callable[[str], Settings]
EmptyDatabase = Callable[[], Settings]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Servers:
    """The servers that this machine offers, not started."""
    folder = tmp_path_factory.mktemp("servers")
    return servers_for(folder, folder, announce=print, durable=False)


@pytest.fixture(scope="session")
def postgres(servers: Servers) -> Iterator[PostgresServer | ExternalPostgres]:
    """PostgreSQL; the embedded one forgets what it was told when it is killed, which makes it fast."""
    with servers.postgres as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq(servers: Servers) -> Iterator[AnyRabbitMQ]:
    """A broker."""
    with servers.rabbitmq as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_url(rabbitmq: AnyRabbitMQ) -> str:
    """The URL of its administrator."""
    return rabbitmq.url


@pytest.fixture(scope="session")
def stream_port(rabbitmq: AnyRabbitMQ) -> int:
    """Where it speaks the stream protocol."""
    return rabbitmq.stream_port


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Lets every test in which the counting service reads from a broker do so by either protocol, or as it says."""
    says_how = any(mark.args[0] == "reading_port" for mark in metafunc.definition.iter_markers("parametrize"))
    if {"counting", "rabbitmq_url"} <= set(metafunc.fixturenames) and not says_how:
        metafunc.parametrize("reading_port", ["amqp", "streams"], indirect=True)


@pytest.fixture
def reading_port(request: pytest.FixtureRequest) -> int:
    """The port of the stream protocol where logs are read by it; 0 where they are read by AMQP 0-9-1."""
    by_streams = getattr(request, "param", "amqp") == "streams"
    port: int = request.getfixturevalue("stream_port") if by_streams else 0
    assert port or not by_streams, "the broker speaks no stream protocol"
    return port


@pytest.fixture(scope="session")
def mongodb_server(servers: Servers) -> Iterator[AnyMongo]:
    """A server that speaks MongoDB's protocol."""
    with servers.mongodb as server:
        yield server


@pytest.fixture(scope="session")
def mongodb(mongodb_server: AnyMongo) -> Callable[[str], str]:
    """Makes a database on it and returns its URL, as its owner."""
    return mongodb_server.create_database


@pytest.fixture
def mongodb_as(mongodb_server: AnyMongo) -> Iterator[MongoAs]:
    """Makes a database on it and returns the settings of a process, which has to keep to its rights."""
    with watched(mongodb_server) as lend:
        yield lend


@pytest.fixture(scope="session")
def templates(postgres: PostgresServer | ExternalPostgres) -> Callable[[str], str]:
    """Returns the name of a database with a service's tables, made once, to be cloned."""
    made: dict[str, str] = {}

    def template(service: str) -> str:
        if service not in made:
            made[service] = f"template_{service}"
            postgres.databases.make_template(made[service], lambda url: migrate(service, Settings(database_url=url)))
        return made[service]

    return template


@pytest.fixture
def new_database(postgres: PostgresServer | ExternalPostgres, templates: Callable[[str], str]) -> Iterator[NewDatabase]:
    """Gives fresh databases with a service's tables; returns the settings that lead to one."""
    databases: Databases = postgres.databases
    with ExitStack() as stack:
        yield lambda service: Settings(database_url=stack.enter_context(databases.clone(templates(service))))


@pytest.fixture
def empty_database(postgres: PostgresServer | ExternalPostgres) -> Iterator[EmptyDatabase]:
    """Gives databases without any tables."""
    databases: Databases = postgres.databases
    databases.make_template("template_empty", lambda _: None)
    with ExitStack() as stack:
        yield lambda: Settings(database_url=stack.enter_context(databases.clone("template_empty")))


@pytest.fixture
def unused_port() -> int:
    """A port on which nobody listens."""
    return free_port()
