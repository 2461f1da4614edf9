"""Text and properties in a form that every database takes. Pure."""

import json
from collections.abc import Mapping
from typing import Any

MAX_KEPT_CHARACTERS = 16_384
MAX_KEPT_DEPTH = 6
"""How much is kept of the properties of a message that nobody can read."""


def cleaned(text: str) -> str:
    """Returns a text as any database takes it: without NUL and without halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")


def printable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns whatever properties a malformed message has in a form that any database takes; never fails."""
    found = _printable(properties, depth=0)
    text = json.dumps(found)
    return found if len(text) <= MAX_KEPT_CHARACTERS else {"too long to be kept": text[:MAX_KEPT_CHARACTERS]}


def _printable(value: object, depth: int) -> Any:
    if isinstance(value, str):
        return cleaned(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    if depth < MAX_KEPT_DEPTH and isinstance(value, Mapping):
        return {_printable(str(key), depth): _printable(each, depth + 1) for key, each in value.items()}
    if depth < MAX_KEPT_DEPTH and isinstance(value, list):
        return [_printable(each, depth + 1) for each in value]
    return _printable(repr(value)[:200], depth) if depth < MAX_KEPT_DEPTH else "..."
