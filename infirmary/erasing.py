"""What is left of something that is kept, once the person whom it is about is erased. Pure.

A service says which fields are personal, and what stands there from then on, of the same kind, so that whoever reads
it still can: `PERSONAL = {"full_name": "erased", "date_of_birth": "0001-01-01"}`.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Personal: TypeAlias = Mapping[str, str]
"""What stands in fields, by their names, once a person is erased."""

ERASED: Final = "erased with the person whom it was about"


def without_person(body: bytes, personal: Personal) -> bytes:
    """Returns JSON with all that is personal replaced, however deep it lies; of what is no JSON nothing."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    left = _without(read, personal)
    return body if left == read else json.dumps(left, separators=(",", ":")).encode()


def error_without_person(error: str) -> str:
    """Returns the error of a message, which may cite what the message held: its kind, and the calls that led to it."""
    line, newline, calls = error.partition("\n")
    return f"{line.partition(':')[0]}: {ERASED}{newline}{calls}"


def _without(value: Any, personal: Personal) -> Any:
    if isinstance(value, dict):
        return {name: personal[name] if name in personal else _without(each, personal) for name, each in value.items()}
    return [_without(each, personal) for each in value] if isinstance(value, list) else value
