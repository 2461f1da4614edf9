"""Checks of settings that name a server. Pure; no message tells the value, which may hold a password."""

import re
from contextlib import suppress
from importlib.util import find_spec
from typing import Final
from urllib.parse import SplitResult, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

DEVELOPMENT_PASSWORDS = ("guest", "password", "postgres", "infirmary-development")
"""Passwords that anybody knows: good enough on one's own machine, refused in production."""


_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SERVER_NAME: Final = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})+")


def database(url: str) -> str:
    """Returns the URL of a database of a kind that is known.

    Raises:
        ValueError: It is none.
    """
    if url.startswith(("postgresql://", "postgres://")) and _is_for_libpq(url):
        return url
    if url.startswith(("mongodb://", "mongodb+srv://")) and urlsplit(url).path.strip("/"):
        return url
    raise ValueError("should be postgresql://user:password@host:port/database or mongodb://host:port/database")


def _is_for_libpq(url: str) -> bool:
    """Says whether libpq can read a URL, which may name several hosts. Its own words could hold the password."""
    try:
        ports = str(conninfo_to_dict(url).get("port", ""))
    except psycopg.ProgrammingError:
        return False
    return all(not port or (port.isdecimal() and 0 < int(port) < 65536) for port in ports.split(","))


def holds_known_password(url: str) -> bool:
    """Says whether a URL holds a password that everybody knows."""
    return any(f":{password}@" in url for password in DEVELOPMENT_PASSWORDS)


def broker(url: str) -> str:
    """Returns the URL of a broker.

    Raises:
        ValueError: It is none.
    """
    if url.startswith(("amqp://", "amqps://")):
        with suppress(ValueError):  # urllib's complaint about a port
            if urlsplit(url).hostname and urlsplit(url).port != 0:
                return url
    raise ValueError("should be amqp://user:password@host:port/vhost")


def installed_exporter(exporter: str) -> str:
    """Returns the name of what speaks to a store of traces.

    Raises:
        ValueError: Its packages are not installed.
    """
    if exporter != "none" and find_spec("opentelemetry") is None:
        raise ValueError(
            "the packages for it are not installed; they are the extra `trace`: pip install 'infirmary[trace]', or -r"
            " requirements-trace.lock"
        )
    return exporter


def issuer(url: str | None) -> str | None:
    """Returns the name of an issuer of tokens, which is a URL; None where none is set.

    Raises:
        ValueError: It is none.
    """
    if not url:
        return None
    parts = _of_http(url)
    if parts is not None and not parts.query + parts.fragment:
        return url
    raise ValueError("should be https://host, as the provider calls itself in its tokens")


def trace_store(url: str | None) -> str | None:
    """Returns the URL of a store of traces, if there is one.

    Raises:
        ValueError: It is none.
    """
    if url is not None and _of_http(url) is None:
        raise ValueError("should be http://host:port, with the store's path if it is not the usual one")
    return url


def server_names(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Returns names under which a server is asked, in small letters; `*.` before one stands for all below it.

    Raises:
        ValueError: One is none.
    """
    if names is None:
        return None
    small = tuple(name.lower() for name in names)
    if not all(_SERVER_NAME.fullmatch(name) for name in small):
        raise ValueError("should be names with a dot, with commas between them: api.example.org,*.hospital.example.org")
    return small


def _of_http(url: str) -> SplitResult | None:
    with suppress(ValueError):  # urllib's complaint about a port
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    return None
