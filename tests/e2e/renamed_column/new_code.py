"""The code that goes with the new column: one line of patient's `tables.py`, and the limit that names the column.

In the code the column keeps its name, so nothing else of the service changes.
"""

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
