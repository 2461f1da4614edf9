"""Headers that keep answers out of caches and foreign pages."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from flask import Request, Response

SAFE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer: people's data belong into no cache and no other page, nobody guesses at a type that is said, and
what is taken for a page all the same can load and run nothing. No header names an origin that may read (CORS)."""

_DOCUMENTATION: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'{also}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger's page holds scripts and styles; they speak to this server, and to the provider for a token."""


def make_safe(response: Response, request: Request, docs_speak_to: Callable[[], str]) -> None:
    """Adds the headers to an answer, and lets a redirection lead to this server, whatever the client calls it.

    Args:
        response: The answer, which is changed.
        request: What was asked.
        docs_speak_to: Returns the other server that the pages of /docs may ask; nothing for none.
    """
    headers = response.headers
    for name, value in SAFE_HEADERS.items():
        headers[name] = value
    if request.path.startswith("/docs"):
        also = docs_speak_to()
        headers["Content-Security-Policy"] = _DOCUMENTATION.format(also=f" {also}" if also else "")
        headers["Referrer-Policy"] = "no-referrer"
    location = headers.get("Location")
    if location is not None and "://" in location:
        parts = urlsplit(location)
        headers["Location"] = urlunsplit(("", "", parts.path, parts.query, ""))
