"""A column that is renamed in one `tables.py` alone ends the import of that service's store, and of no other's."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa

from infirmary import registry
from infirmary.postgres.statements import Uncompilable

A_COLUMN = re.compile(r"^    (\w+) = sa\.Column\(", re.MULTILINE)
NOT_THERE = (ImportError, AttributeError, KeyError, Uncompilable, sa.exc.CompileError)


def room(service: str, name: str) -> Path:
    return registry.folder() / service / f"{name}.py"


def columns() -> Iterator[tuple[str, str]]:
    """Yields each service that declares columns with each of their names."""
    for service in registry.names():
        if room(service, "tables").exists():
            for column in sorted(set(A_COLUMN.findall(room(service, "tables").read_text()))):
                yield service, column


COLUMNS = list(columns())
DECLARING = sorted({service for service, _ in COLUMNS})


def run(service: str, name: str, text: str) -> ModuleType:
    """Runs the text of a room as its import does, beside the module that there is."""
    module = ModuleType(f"{registry.package()}.{service}.{name}")
    exec(compile(text, str(room(service, name)), "exec"), vars(module))  # noqa: S102
    return module


def rename(service: str, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives a column another name, everywhere in the file that declares it."""
    text = room(service, "tables").read_text()
    tables = run(service, "tables", re.sub(rf"(?<!sa\.)\b{column}\b", f"renamed_{column}", text))
    monkeypatch.setitem(sys.modules, tables.__name__, tables)


@pytest.mark.parametrize(("service", "column"), COLUMNS)
def test_the_store_of_the_service_cannot_be_imported(
    service: str, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = room(service, "store").read_text()
    run(service, "store", store)
    rename(service, column, monkeypatch)
    with pytest.raises(NOT_THERE, match=column):
        run(service, "store", store)


@pytest.mark.parametrize("service", DECLARING)
def test_every_other_store_can(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, column in COLUMNS:
        if owner == service:
            rename(service, column, monkeypatch)
            break
    for other in registry.names():
        if other != service:
            run(other, "store", room(other, "store").read_text())


def test_columns_are_looked_for_in_every_service_that_declares_some() -> None:
    there = {name for name in registry.names() if "sa.TypedColumns" in (text_of(name) or "")}
    assert set(DECLARING) == there
    assert len(DECLARING) > 1


def text_of(service: str) -> str | None:
    tables = room(service, "tables")
    return tables.read_text() if tables.exists() else None
