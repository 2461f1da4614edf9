"""Rows for people, aligned, or for machines, as JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

WIDEST_CELL = 60

Row = Mapping[str, Any]


def show_rows(rows: Sequence[Row], as_json: bool, if_none: str) -> None:
    """Prints rows of the same columns."""
    if as_json:
        click.echo(json.dumps(rows, default=str, indent=2))
    elif rows:
        click.echo(aligned(rows))
    else:
        click.echo(if_none)


def show_record(record: Row, as_json: bool) -> None:
    """Prints one thing, its tables below each other."""
    if as_json:
        click.echo(json.dumps(record, default=str, indent=2))
        return
    width = max(len(name) for name in record) + 1
    for name, value in record.items():
        if isinstance(value, list):
            click.echo(f"{name}:\n{aligned(value, cut=False)}" if value else f"{name}: none")
        else:
            click.echo(f"{name + ':':{width}} {_printed(value)}")


def aligned(rows: Sequence[Row], cut: bool = True) -> str:
    """Returns rows as a table; a cell that is too wide for it is cut unless the whole of it is wanted."""
    cells = [list(rows[0]), *([_cell(value, cut) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any, cut: bool) -> str:
    text = _printed(value).replace("\n", " ")
    return text if not cut or len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 3] + "..."


def _printed(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    return json.dumps(value, default=str) if isinstance(value, dict) else str(value)
