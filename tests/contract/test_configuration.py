"""docs/configuration.md lists every variable with its default and its limits, and no other."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from local.topology import DEFAULT_PORT_BASE, HIGHEST_PORT_BASE, PORT_BASE_VARIABLE

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "configuration.md").read_text()
RELAY = REPOSITORY / "relay"
MODULES = [*sorted((REPOSITORY / "services").glob("*/settings.py")), RELAY / "infirmary_relay" / "settings.py"]

Row = tuple[str, str, str]


def rows_below(heading: str) -> list[Row]:
    """Returns (variable, default, values) of the table in the section whose heading ends like this."""
    sections = [part for part in PAGE.split("\n## ") if part.partition("\n")[0].endswith(heading)]
    assert len(sections) == 1, f"docs/configuration.md has no section {heading}"
    lines = [line for line in sections[0].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(name.strip("`"), default.strip("`"), values) for name, default, values, _ in cells]


def fields_of(path: Path) -> Iterator[tuple[str, FieldInfo]]:
    folder = RELAY if path.is_relative_to(RELAY) else REPOSITORY
    module = import_module(".".join(path.relative_to(folder).with_suffix("").parts))
    for kind in vars(module).values():
        if inspect.isclass(kind) and issubclass(kind, BaseSettings) and kind.__module__ == module.__name__:
            yield from kind.model_fields.items()


def default_of(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "none, must be set"
    return "none" if field.default is None else str(field.default)


def limits_of(field: FieldInfo) -> str | None:
    """Returns a number's limits in words."""
    limit: dict[str, Any] = {
        name: getattr(rule, name) for rule in field.metadata for name in ("ge", "gt", "le") if hasattr(rule, name)
    }
    if "gt" in limit:
        return f"above {limit['gt']}, up to {limit['le']}"
    if "ge" in limit:
        return f"{limit['ge']} to {limit['le']}" if "le" in limit else f"from {limit['ge']}"
    return None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_page_lists_the_variables_of(path: Path) -> None:
    rows = rows_below(path.relative_to(REPOSITORY).as_posix())
    fields = dict(fields_of(path))
    assert [(name, default) for name, default, _ in rows] == [
        (name.upper(), default_of(field)) for name, field in fields.items()
    ]
    for name, _, values in rows:
        assert values.startswith(limits_of(fields[name.lower()]) or ""), name


def test_the_page_says_how_all_ports_are_moved() -> None:
    rows = {name: (default, values) for name, default, values in rows_below("`make test`")}
    assert rows[PORT_BASE_VARIABLE] == (str(DEFAULT_PORT_BASE), f"1024 to {HIGHEST_PORT_BASE}")
