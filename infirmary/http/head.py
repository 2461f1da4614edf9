"""Refuses heads of requests that gunicorn's parser takes although nobody would know what is meant."""

import re
from collections.abc import Iterable
from typing import Final

_ONCE: Final = {"IDEMPOTENCY-KEY": "Idempotency-Key"}
"""Headers that gunicorn would join by a comma, which may be a part of a value. Host and Content-Type it refuses."""

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]*)?")


def why_refused(version: tuple[int, int], headers: Iterable[tuple[str, str]]) -> tuple[int, str] | None:
    """Returns the status and the reason for which a request is refused, or None.

    Args:
        version: Of HTTP.
        headers: All of them, their names in capitals.
    """
    host: str | None = None
    seen: set[str] = set()
    for name, value in headers:
        if name == "HOST":
            host = value
        elif name == "TRANSFER-ENCODING":
            if value.lower() != "chunked":
                return 501, f"Transfer-Encoding should be chunked and nothing else, not {value[:80]!r}"
        elif name in _ONCE:
            if name in seen:
                return 400, f"{_ONCE[name]} should be given once"
            seen.add(name)
    if host is None:
        return (400, "the header Host is missing: HTTP/1.1 wants it") if version >= (1, 1) else None
    return (
        None if _HOST.fullmatch(host) else (400, "the header Host should be a name or an address, and perhaps a port")
    )
