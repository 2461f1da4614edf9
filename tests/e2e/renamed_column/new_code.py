"""The code that goes with the new column: one line of patient's `tables.py`, and the limit that names the column.

In the code the column keeps its name, so nothing else of the service changes.
"""

from pathlib import Path

HERE = Path(__file__).parent

NEW_TABLES = {
    "    full_name = sa.Column(sa.Text, nullable=False)\n": (
        '    full_name = sa.Column("legal_name", sa.Text, key="full_name", nullable=False)\n'
    ),
    'sa.CheckConstraint("length(full_name) BETWEEN 1 AND 200", "full_name")': (
        'sa.CheckConstraint("length(legal_name) BETWEEN 1 AND 200", "legal_name")'
    ),
}


def with_renamed_column(tables: str) -> str:
    """Returns the text of patient's `tables.py` as it is after the change.

    Raises:
        LookupError: It does not hold what was to be replaced.
    """
    for old, new in NEW_TABLES.items():
        if old not in tables:
            raise LookupError(old)
        tables = tables.replace(old, new)
    return tables


def newest_revision(versions: Path) -> str:
    """Returns the number of the newest of a service's migrations."""
    return max(path.name for path in versions.glob("[0-9]*.py"))[:4]


def add_migration(name: str, newest: str, folder: Path) -> Path:
    """Writes a migration of this folder into another one, as the one that follows the newest; returns the file."""
    following = f"{int(newest) + 1:04}"
    written = folder / f"{following}_{name}.py"
    text = (HERE / f"{name}.py").read_text()
    written.write_text(text.replace('"NEXT"', f'"{following}"').replace('"NEWEST"', f'"{newest}"'))
    return written
