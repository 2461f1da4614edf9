"""Headers that keep answers out of caches and foreign pages."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from flask import Request, Response

SAFE_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer: people's data belong into no cache, and nobody guesses at a type that is said."""

_DOCUMENTATION: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger's page holds scripts and styles; they speak to this server only."""


def make_safe(response: Response, request: Request) -> None:
    """Adds the headers to an answer, and lets a redirection lead to this server, whatever the client calls it."""
    headers = response.headers
    for name, value in SAFE_HEADERS.items():
        headers[name] = value
    if request.path.startswith("/docs"):
        headers["Content-Security-Policy"] = _DOCUMENTATION
        headers["Referrer-Policy"] = "no-referrer"
    location = headers.get("Location")
    if location is not None and "://" in location:
        parts = urlsplit(location)
        headers["Location"] = urlunsplit(("", "", parts.path, parts.query, ""))
