"""docs/library.md works: its bakery runs in an environment that holds the library, the relay and what these need."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import psycopg
import pytest

from infirmary.postgres.schema import statements
from local.ports import free_port
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.contract.pages import Page
from tests.eventually import eventually
from tests.integration.following import forget, given, installed, running

PAGE = Page("library.md")
LOG = "till.events"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page's `pip install` makes."""
    assert "pip install '.[http,testing]' ./relay ./packaging/streams" in PAGE.commands()
    return installed(tmp_path_factory.mktemp("installed"), extras=("http", "testing"))


@pytest.fixture
def variables(
    postgres: PostgresServer | ExternalPostgres, rabbitmq_url: str, programs: Path
) -> Iterator[dict[str, str]]:
    """The environment of the commands, with two empty databases, and a broker on which nobody was the till before."""
    postgres.databases.make_template("template_nothing", lambda _: None)
    with ExitStack() as stack:
        urls = {name: stack.enter_context(postgres.databases.clone("template_nothing")) for name in ("TILL", "OVEN")}
        forget(rabbitmq_url, [LOG], ("till", "oven"))
        path = f"{programs}:{os.environ['PATH']}"
        yield {"PATH": path, "INFIRMARY_SERVICES": "bakery", "RABBITMQ_URL": rabbitmq_url} | urls
        forget(rabbitmq_url, [LOG], ("till", "oven"))


def sell(command: str, port: int) -> int:
    """Does what the page's curl command does, with an API on another port, and returns the status."""
    body = re.search(r"-d '(.*)'", command)
    assert body is not None
    url, kind = f"http://127.0.0.1:{port}/sales", {"Content-Type": "application/json"}
    with urlopen(Request(url, body[1].encode(), kind), timeout=10) as answer:
        return int(answer.status)


def is_open(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_what_is_sold_is_baked_once(variables: dict[str, str], tmp_path: Path) -> None:
    PAGE.write_files(tmp_path)
    for command in PAGE.commands():
        if command.endswith(" migrate"):
            given(command, tmp_path, variables)
    (curl,) = [command for command in PAGE.commands() if command.startswith("curl ")]
    port = free_port()
    with ExitStack() as stack:
        for command in PAGE.commands():
            if command.endswith(" &"):
                stack.enter_context(running(command.removesuffix(" &"), tmp_path, {"HTTP_PORT": str(port)} | variables))
        eventually(lambda: is_open(port), because="the till is open")
        assert sell(curl, port) == 200
        with psycopg.connect(variables["OVEN"], autocommit=True) as oven:
            eventually(
                lambda: oven.execute("SELECT bread, loaves FROM to_bake").fetchall() == [("rye", 3)],
                because="the oven has heard of it",
            )
        with psycopg.connect(variables["TILL"], autocommit=True) as till:
            assert till.execute("SELECT loaves FROM shelf").fetchall() == [(7,)]
            eventually(lambda: till.execute("SELECT FROM outbox").fetchall() == [], because="the relay has moved it")


def test_a_handler_is_tested_without_a_broker(variables: dict[str, str], tmp_path: Path) -> None:
    PAGE.write_files(tmp_path)
    (migrate,) = [command for command in PAGE.commands() if command.endswith("oven migrate")]
    (test,) = [command for command in PAGE.commands() if "pytest" in command]
    given(migrate, tmp_path, variables)
    assert "1 passed" in given(test, tmp_path, variables)


def test_the_schema_is_printed_for_whoever_makes_tables_otherwise(variables: dict[str, str], tmp_path: Path) -> None:
    printed = [
        given(command, tmp_path, variables) for command in PAGE.commands() if command.startswith("infirmary schema")
    ]
    assert (printed[0], len(printed)) == (statements(), 2)
    assert "createIndex" in printed[1]
