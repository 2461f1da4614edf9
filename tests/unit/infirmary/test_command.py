"""The command `infirmary`: commands of services, and `schema`, which needs neither a service nor a database."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from infirmary import command, registry
from infirmary.declaring.declaration import package_of_services
from infirmary.mongo.collections import OF_CONSUMER, OF_DOCUMENTS
from infirmary.postgres.schema import statements

ROOT = Path(__file__).resolve().parents[3]


def run(*words: str) -> Result:
    return CliRunner().invoke(command.commands(), words)


def given_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Gives the command in a folder, as a stranger does."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "infirmary", *words],
        cwd=folder,
        env={**environment, "INFIRMARY_SERVICES": "shop"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_lists_every_service_and_what_each_can_do() -> None:
    assert "schema" in run("--help").output
    assert "  ward " in run("--help").output
    of_ward, of_chart = run("ward", "--help").output, run("chart", "--help").output
    assert all(f"  {name} " in of_ward for name in ("api", "consumer", "migrate", "parked", "outbox", "claim"))
    assert "  sagas " in run("admission", "--help").output
    assert "  rebuild " in of_chart
    assert "  rebuild " not in of_ward


def test_schema_prints_what_a_migration_of_the_library_does() -> None:
    assert run("schema").output == statements()


def test_schema_of_mongodb_has_every_index_that_the_migration_makes() -> None:
    printed = run("schema", "--mongo", "--collection", "orders").output
    assert printed.count(".createIndex(") == len(OF_DOCUMENTS) + sum(map(len, OF_CONSUMER.values()))
    assert 'db.getCollection("orders").createIndex({"outbox_since": 1}, {"sparse": true});' in printed
    for name, indexes in OF_CONSUMER.items():
        assert printed.count(f'db.getCollection("{name}")') == len(indexes)


def test_services_are_found_in_the_folder_that_the_command_is_given_in(tmp_path: Path) -> None:
    (tmp_path / "shop/orders").mkdir(parents=True)
    for name in ("shop/__init__.py", "shop/orders/__init__.py", "shop/orders/messages.py"):
        (tmp_path / name).touch()
    assert "The orders service." in given_in(tmp_path, "--help").stdout


def test_without_services_there_is_still_the_schema_and_a_hint(tmp_path: Path) -> None:
    assert given_in(tmp_path, "schema").stdout == statements()
    assert "INFIRMARY_SERVICES names the package" in given_in(tmp_path, "--help").stdout
    refused = given_in(tmp_path, "orders", "api")
    assert (refused.returncode, "there is no package shop here" in refused.stderr) == (1, True)


def test_a_service_with_a_name_that_none_can_have_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[str]:
        raise ValueError("a service cannot be called 'front_desk'")

    monkeypatch.setattr(registry, "names", refuse)
    refused = run("ward", "api")
    assert (refused.exit_code, "cannot be called 'front_desk'" in refused.output) == (1, True)


@pytest.mark.parametrize(("missing", "extra"), [("flask", "http"), ("pymongo.errors", "mongo")])
def test_a_package_of_an_extra_that_is_not_installed_is_named_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, missing: str, extra: str
) -> None:
    @click.command()
    def lacking() -> None:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(command, "commands", lambda: lacking)
    monkeypatch.setattr(sys, "argv", ["infirmary"])
    with pytest.raises(SystemExit, match=rf"{missing} is not installed: pip install 'infirmary\[{extra}\]'"):
        command.main()


def test_the_package_of_services_is_the_hospitals_here() -> None:
    assert package_of_services() == "services"
