"""Checks of settings that name a server. Pure; no message tells the value, which may hold a password."""

from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

DEVELOPMENT_PASSWORDS = ("guest", "password", "postgres", "infirmary-development")
"""Passwords that anybody knows: good enough on one's own machine, refused in production."""


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


def trace_store(url: str | None) -> str | None:
    """Returns the URL of a store of traces, if there is one.

    Raises:
        ValueError: It is none.
    """
    if url is not None:
        with suppress(ValueError):  # urllib's complaint about a port
            parts = urlsplit(url)
            if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
                return url
        raise ValueError("should be http://host:port, with the store's path if it is not the usual one")
    return url
