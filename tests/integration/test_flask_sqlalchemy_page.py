"""docs/flask-sqlalchemy.md works: an app gets an outbox by three lines and one migration, from pip to a message."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import psycopg
import pytest

from local.ports import free_port
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.contract.pages import Page
from tests.eventually import eventually
from tests.integration.following import forget, given, installed, running

PAGE = Page("flask-sqlalchemy.md")
OTHERS = ["flask-sqlalchemy", "flask-migrate"]
MIGRATION = "migrations/versions/0002_outbox.py"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page's `pip install` makes."""
    pytest.importorskip("flask_sqlalchemy", reason="what the page's app stands on is not installed here")
    assert f"pip install . ./relay ./packaging/streams {' '.join(OTHERS)}" in PAGE.commands()
    return installed(tmp_path_factory.mktemp("installed"), others=OTHERS)


@pytest.fixture
def variables(
    postgres: PostgresServer | ExternalPostgres, rabbitmq_url: str, programs: Path
) -> Iterator[dict[str, str]]:
    """The environment of the commands, with an empty database, and a broker on which nobody was the shop before."""
    postgres.databases.make_template("template_nothing", lambda _: None)
    with postgres.databases.clone("template_nothing") as url:
        forget(rabbitmq_url, ["shop.events"], ["shop"])
        path = f"{programs}:{os.environ['PATH']}"
        yield {"PATH": path, "DATABASE_URL": url, "RABBITMQ_URL": rabbitmq_url, "PYTHONWARNINGS": "ignore"}
        forget(rabbitmq_url, ["shop.events"], ["shop"])


def of_flask(word: str) -> list[str]:
    return [command for command in PAGE.commands() if command.startswith("python -m flask ") and f" {word}" in command]


def order(port: int) -> str:
    """Does what the page's curl command does, with an app on another port, and returns the order's id."""
    (curl,) = [command for command in PAGE.commands() if command.startswith("curl ")]
    body = re.search(r"-d '(.*)'", curl)
    assert body is not None
    url, kind = f"http://127.0.0.1:{port}/orders", {"Content-Type": "application/json"}
    with urlopen(Request(url, body[1].encode(), kind), timeout=10) as answer:
        assert answer.status == 201
        return str(json.load(answer)["id"])


def is_open(port: int) -> bool:
    try:
        urlopen(f"http://127.0.0.1:{port}/", timeout=5)
    except OSError as error:
        return "404" in str(error)
    return False


def prepare(folder: Path, variables: dict[str, str]) -> None:
    """Does all that the page does before the app is run."""
    for name in PAGE.files():
        if name != MIGRATION:
            PAGE.write_file(folder, name)
    for command in [*of_flask("db init"), *of_flask("db migrate"), of_flask("db upgrade")[0]]:
        given(command, folder, variables)
    PAGE.change_files(folder)
    PAGE.write_file(folder, MIGRATION)
    given(of_flask("db upgrade")[1], folder, variables)


def test_the_app_has_three_lines_more() -> None:
    assert len(PAGE.changed_lines()) == 3


def test_what_is_ordered_is_in_the_log_once(variables: dict[str, str], tmp_path: Path) -> None:
    prepare(tmp_path, variables)
    port = free_port()
    with ExitStack() as stack:
        for command in PAGE.commands():
            if command.endswith(" &"):
                settings = {"FLASK_RUN_PORT": str(port), "PYTHONUNBUFFERED": "1"} | variables
                begins = "read_log" not in command
                if not begins:
                    first = order(port)
                    with psycopg.connect(variables["DATABASE_URL"], autocommit=True) as shop:
                        eventually(
                            lambda: shop.execute("SELECT FROM outbox").fetchall() == [], because="it is in the log"
                        )
                log = stack.enter_context(running(command.removesuffix(" &"), tmp_path, settings))
                if " run " in command:
                    eventually(lambda: is_open(port), because="the shop is open")
        second = order(port)
        expected = [f'OrderPlaced 1 {{"order_id":"{each}","article":"rye bread"}}' for each in (first, second)]
        eventually(lambda: log.read_text().splitlines() == expected, because="the messages are in the log")


def test_autogenerate_leaves_the_outbox_alone(variables: dict[str, str], tmp_path: Path) -> None:
    prepare(tmp_path, variables)
    (check,) = of_flask("db check")
    given(check, tmp_path, variables)
    app = tmp_path / "app.py"
    app.write_text(app.read_text().replace("include_name=outbox.include_name", ""))
    with pytest.raises(AssertionError, match="remove_table"):
        given(check, tmp_path, variables)
