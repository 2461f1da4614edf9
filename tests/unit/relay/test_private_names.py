"""What a library does not promise to keep is used in one file for each library; with an upper bound for its version."""

import ast
from collections.abc import Iterator
from pathlib import Path

import infirmary_relay

PACKAGE = Path(infirmary_relay.__file__).parent
WHERE = {"broker/handshake.py": "amqp", "sources/postgres_connection.py": "psycopg"}


def foreign_private_names(path: Path) -> Iterator[str]:
    """Yields the private names that a module takes from anything but itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in ("self", "cls")):
                yield node.attr


def test_private_names_of_libraries_are_used_in_one_file_for_each() -> None:
    found = {
        str(path.relative_to(PACKAGE)): names
        for path in PACKAGE.rglob("*.py")
        if (names := sorted(foreign_private_names(path)))
    }
    assert found.keys() == WHERE.keys(), found


def test_each_of_these_libraries_has_an_upper_bound() -> None:
    lines = (PACKAGE.parent / "pyproject.toml").read_text().splitlines()
    for library in WHERE.values():
        (line,) = (line for line in lines if line.strip().startswith(f'"{library}'))
        assert ",<" in line
