"""One database and one role per service on a PostgreSQL server, and quick throw-away clones for tests.

Role and database share a name. The administrator owns every database, so that no service can let another one in; the
service's role owns what is in it.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, LiteralString
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

CONNECTIONS_PER_ROLE = 60

# Databases that come with a server and let everybody in. A server that is shared may lack one of them.
_COMMON_DATABASES = ("postgres", "template1")


@dataclass(frozen=True)
class Databases:
    """The databases of one server, through its administrator's libpq URI.

    Attributes:
        ca_file: The certificates to trust, with which the server's name is checked, too; None leaves that to the URI.
    """

    administrator_url: str
    clone_strategy: Literal["wal_log", "file_copy"] = "wal_log"
    ca_file: Path | None = None

    def revoke_public_connect(self) -> None:
        """Takes from everybody the right to connect to the databases that came with the server."""
        with self._session() as session:
            there = session.execute(
                "SELECT datname FROM pg_database WHERE datname = ANY(%s)", [list(_COMMON_DATABASES)]
            )
            for (name,) in there.fetchall():
                _run(session, "REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC", name)

    def create(self, name: str, password: str) -> str:
        """Makes a database and its role, unless they are there, sets the password, and returns the role's URL."""
        with self._session() as session:
            self._create_role(session, name, password)
            if not _exists(session, "SELECT FROM pg_database WHERE datname = %s", name):
                _run(session, "CREATE DATABASE {}", name)
            self._admit_only(session, name)
        with self._session(name) as session:
            _run(session, "GRANT USAGE, CREATE ON SCHEMA public TO {}", name)
        return self.url_of(name, password)

    def make_template(self, name: str, migrate: Callable[[str], None]) -> None:
        """Makes a database that can only be cloned, in place of an earlier one of this name.

        Args:
            name: The template's name, and its objects' owner.
            migrate: Gets the URL of that owner, makes the tables and closes its connections.
        """
        with self._session() as session:
            if _exists(session, "SELECT FROM pg_database WHERE datname = %s", name):
                _run(session, "ALTER DATABASE {} IS_TEMPLATE false", name)
                _run(session, "DROP DATABASE {}", name)
        migrate(self.create(name, secrets.token_urlsafe()))
        with self._session() as session:
            _run(session, "ALTER DATABASE {} ALLOW_CONNECTIONS false IS_TEMPLATE true", name)
            _run(session, "ALTER ROLE {} NOLOGIN", name)

    @contextmanager
    def clone(self, template: str) -> Iterator[str]:
        """Gives the URL of a fresh database like the template, as its own role, and drops both afterwards.

        The role has a service's rights: it owns the tables but not the database, and can connect to no other one.
        """
        name, password = f"{template}_{secrets.token_hex(4)}", secrets.token_urlsafe()
        with self._session() as session:
            self._create_role(session, name, password)
            _run(session, "CREATE DATABASE {} TEMPLATE {} STRATEGY {}", name, template, self.clone_strategy)
            self._admit_only(session, name)
        with self._session(name) as session:
            # A clone's tables still belong to the template's owner.
            _run(session, "REASSIGN OWNED BY {} TO {}", template, name)
            _run(session, "GRANT USAGE, CREATE ON SCHEMA public TO {}", name)
        try:
            yield self.url_of(name, password)
        finally:
            with self._session() as session:
                _run(session, "DROP DATABASE {} WITH (FORCE)", name)
                _run(session, "DROP ROLE {}", name)

    def url_of(self, name: str, password: str) -> str:
        """Returns the libpq URI of a database's own role."""
        parts = urlsplit(self.administrator_url)
        server = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{quote(name)}:{quote(password)}@{server}", path=f"/{quote(name)}"))

    @staticmethod
    def _create_role(session: psycopg.Connection, name: str, password: str) -> None:
        if not _exists(session, "SELECT FROM pg_roles WHERE rolname = %s", name):
            _run(session, "CREATE ROLE {}", name)
        statement = "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {} CONNECTION LIMIT {}"
        session.execute(
            sql.SQL(statement).format(sql.Identifier(name), sql.Literal(password), sql.Literal(CONNECTIONS_PER_ROLE))
        )

    @staticmethod
    def _admit_only(session: psycopg.Connection, name: str) -> None:
        _run(session, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
        _run(session, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", name, name)

    @contextmanager
    def _session(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        """Opens an administrator's session without transactions, which CREATE DATABASE needs."""
        target = make_conninfo(verified(self.administrator_url, self.ca_file), dbname=database)
        with psycopg.connect(target, autocommit=True) as session:
            yield session


def verified(url: str, ca_file: Path | None) -> str:
    """Returns how to connect to a server whose certificate must be in its name and signed by one of these."""
    return url if ca_file is None else make_conninfo(url, sslmode="verify-full", sslrootcert=str(ca_file))


def _run(session: psycopg.Connection, statement: LiteralString, *names: str) -> None:
    session.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


def _exists(session: psycopg.Connection, query: LiteralString, name: str) -> bool:
    return session.execute(query, [name]).fetchone() is not None
