"""The schemas and the overview in this working copy are those of the message classes."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from contracts.declarations import load
from contracts.messages_page import overview
from contracts.schema_files import committed, current
from infirmary import registry
from local.topology import RECORDED_BY, SERVICES, Engine
from services.__main__ import cli

IN_MONGODB = {service.name for service in SERVICES if service.engine is Engine.MONGODB}


def test_every_schema_is_committed_as_its_class_has_it() -> None:
    assert committed(registry.folder()) == current(load())


def test_the_overview_of_messages_is_up_to_date() -> None:
    assert (registry.folder().parent / "docs" / "messages.md").read_text() == overview(load())


def test_every_publisher_and_its_readers_fit() -> None:
    checked = CliRunner().invoke(cli, ["contracts", "--check"])
    assert checked.exit_code == 0, checked.output


@pytest.mark.parametrize("service", registry.names())
def test_every_service_has_the_same_rooms(service: str) -> None:
    folder: Path = registry.folder() / service
    rooms_of_all = ("messages.py", "store.py", "handlers.py", "api.py")
    schemas = () if service == RECORDED_BY else ("schemas",)  # the one message that it reads is the library's
    rooms_of_database = ("documents.py",) if service in IN_MONGODB else ("tables.py", "migrations")
    for room in (*rooms_of_all, *schemas, *rooms_of_database):
        assert (folder / room).exists(), f"{service} has no {room}"
    assert (folder / "model.py").exists() or (folder / "saga.py").exists(), f"{service} decides nothing"


def test_the_command_line_knows_every_service() -> None:
    assert isinstance(cli, click.Group)
    assert set(cli.list_commands(click.Context(cli))) == {*registry.names(), "contracts", "schema"}
