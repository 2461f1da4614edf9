"""The command `infirmary-relay check-header`: says what a row's header holds, and what is wrong in it."""

import argparse
import base64
import binascii
import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from infirmary_relay.headers.content_header import are_sections, is_content_header
from infirmary_relay.headers.explained import explained
from infirmary_relay.headers.explanation import Explanation

_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")
_COMMENT: Final = re.compile(r"#.*")


def check(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: Those behind `check-header`.

    Returns:
        The exit status: 0, or 1 when something is wrong in the header.

    Raises:
        SystemExit: The arguments are none of this command's, or there is no header where they say.
    """
    parser = _parser()
    asked = parser.parse_args(arguments)
    if (asked.header is None) == (asked.row is None):
        parser.error("say which header: either itself, or --row with the row's id")
    try:
        said, size = _of_row(asked.row) if asked.row is not None else _of_bytes(_read(asked.header))
    except (LookupError, OSError, ValueError) as error:
        parser.error(str(error))
    sys.stdout.write(_as_json(said, size) if asked.json else _as_table(said, size))
    return 1 if said.wrong else 0


def header_in(data: bytes) -> bytes:
    """The header in what somebody gives: itself, or as hexadecimal digits (comments behind # are left out) or base64.

    Raises:
        ValueError: It is neither.
    """
    if are_sections(data) or is_content_header(data):
        return data
    text = "".join(_COMMENT.sub("", data.decode(errors="replace")).split())
    digits = text.removeprefix("\\x").removeprefix("0x")
    if _HEX.fullmatch(digits):
        return bytes.fromhex(digits)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as odd:
        raise ValueError(
            f"that is no header and no file, and not the hexadecimal digits or the base64 of one: {odd}"
        ) from odd


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="infirmary-relay check-header",
        description="Says what the header of a row holds, and what is wrong in it by docs/outbox-contract.md.",
        epilog="Exit status: 0 when nothing is wrong, 1 when something is.",
    )
    parser.add_argument(
        "header",
        nargs="?",
        help="hexadecimal digits, base64, a file with these or with the bytes, or - for standard input",
    )
    parser.add_argument(
        "--row", type=int, metavar="ID", help="the row with this id in the PostgreSQL outbox at DATABASE_URL"
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def _read(told: str) -> bytes:
    if told == "-":
        return sys.stdin.buffer.read()
    try:
        is_file = Path(told).is_file()
    except OSError:  # too long for a name
        is_file = False
    return Path(told).read_bytes() if is_file else told.encode()


def _of_bytes(data: bytes) -> tuple[Explanation, int]:
    header = header_in(data)
    return explained(header), len(header)


def _of_row(row_id: int) -> tuple[Explanation, int]:
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("DATABASE_URL should be postgresql://... : of a document in MongoDB give the header itself")
    import psycopg

    from infirmary_relay.sources.postgres_session import connect  # a header alone needs no database

    ca_file = os.environ.get("DATABASE_CA_FILE")
    statement = "SELECT header, length(body), message_id::text, type, subject, sequence FROM outbox WHERE id = %s"
    try:
        with connect(url, "check-header", Path(ca_file) if ca_file else None) as connection:
            row = connection.execute(statement, [row_id]).fetchone()
    except psycopg.Error as failed:
        raise ValueError(f"the outbox cannot be read: {failed}") from failed
    if row is None:
        raise LookupError(f"there is no row {row_id} in the outbox: it may have been sent")
    header, body_bytes, message_id, kind, subject, sequence = row
    if header is None:
        raise LookupError(f"row {row_id} has no header: the relay makes it from the other columns")
    columns = {"id": message_id, "type": kind, "subject": subject, "sequence": sequence}
    return explained(header, body_bytes, columns), len(header)


def _as_json(said: Explanation, size: int) -> str:
    fields = [
        {"section": section, "name": name, "type": kind, "value": _plain(value)}
        for section, name, kind, value in said.fields
    ]
    return json.dumps({"version": said.version, "bytes": size, "fields": fields, "wrong": said.wrong}, indent=2) + "\n"


def _as_table(said: Explanation, size: int) -> str:
    told = f"version {said.version}" if said.version else "no header of the outbox contract"
    lines = [f"{told}, {size} bytes"]
    rows = [(field.section, field.name, field.kind, str(_plain(field.value))) for field in said.fields]
    widths = [max(map(len, column), default=0) for column in list(zip(*rows, strict=True))[:-1]]
    for *cells, value in rows:
        lines.append("  ".join([*map(str.ljust, cells, widths), value]))
    lines += [f"wrong: {each}" for each in said.wrong] or ["nothing is wrong in it"]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value.encode(errors="surrogateescape").decode(errors="replace")
    return value if isinstance(value, int | float | bool | None) else repr(value)
