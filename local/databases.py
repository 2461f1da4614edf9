"""One database per service on a PostgreSQL server, with its roles, and quick throw-away clones for tests.

The administrator owns every database, so that no service can let another one in. What is in it belongs to the role of
the same name, which migrates. Each process has a role beside it, `<database>_<process>`, with the rights that a
migration gives it.
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

PROCESSES = ("api", "consumer", "relay")
"""The processes that have a role of their own in the database of their service."""

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
        """Makes a database and its roles, unless they are there, sets the owner's password, and returns his URL.

        The processes' roles have no password yet: see `let_in`.
        """
        with self._session() as session:
            self._create_roles(session, name)
            self._let_in(session, name, password)
            if not _exists(session, "SELECT FROM pg_database WHERE datname = %s", name):
                _run(session, "CREATE DATABASE {}", name)
            self._admit_only(session, name)
        with self._session(name) as session:
            self._only_owner_makes_things(session, name)
        return self.url_of(name, password)

    def let_in(self, name: str, process: str, password: str) -> str:
        """Sets the password of a process's role in a database that was made, and returns the URL of that role."""
        role = role_of(name, process)
        with self._session() as session:
            self._let_in(session, role, password)
        return self.url_of(name, password, role)

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
        """Gives the URL of a fresh database like the template, as its owner, and drops both afterwards.

        The owner has a service's rights: he owns the tables but not the database, and can connect to no other one. The
        processes' roles have his password, and the rights of the template's.
        """
        name, password = f"{template}_{secrets.token_hex(4)}", secrets.token_urlsafe()
        with self._session() as session:
            self._create_roles(session, name)
            for process in PROCESSES:
                self._let_in(session, role_of(name, process), password)
                _run(session, "GRANT {} TO {}", role_of(template, process), role_of(name, process))
            self._let_in(session, name, password)
            _run(session, "CREATE DATABASE {} TEMPLATE {} STRATEGY {}", name, template, self.clone_strategy)
            self._admit_only(session, name)
        with self._session(name) as session:
            # A clone's tables still belong to the template's owner.
            _run(session, "REASSIGN OWNED BY {} TO {}", template, name)
            self._only_owner_makes_things(session, name)
        try:
            yield self.url_of(name, password)
        finally:
            with self._session() as session:
                _run(session, "DROP DATABASE {} WITH (FORCE)", name)
                for role in (*(role_of(name, process) for process in PROCESSES), name):
                    _run(session, "DROP ROLE {}", role)

    def url_of(self, name: str, password: str, role: str | None = None) -> str:
        """Returns the libpq URI of a database, as one of its roles; its owner without any."""
        parts = urlsplit(self.administrator_url)
        server = parts.netloc.rpartition("@")[2]
        account = f"{quote(role or name)}:{quote(password)}"
        return urlunsplit(parts._replace(netloc=f"{account}@{server}", path=f"/{quote(name)}"))

    @staticmethod
    def _create_roles(session: psycopg.Connection, name: str) -> None:
        for role in (name, *(role_of(name, process) for process in PROCESSES)):
            if not _exists(session, "SELECT FROM pg_roles WHERE rolname = %s", role):
                _run(session, "CREATE ROLE {} NOLOGIN", role)
            if role != name:
                # So that he may end their sessions; he has all their rights anyhow.
                _run(session, "GRANT {} TO {}", role, name)

    @staticmethod
    def _let_in(session: psycopg.Connection, role: str, password: str) -> None:
        statement = "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {} CONNECTION LIMIT {}"
        session.execute(
            sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password), sql.Literal(CONNECTIONS_PER_ROLE))
        )

    @staticmethod
    def _admit_only(session: psycopg.Connection, name: str) -> None:
        _run(session, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
        # CREATE is for the schema in which a read model is filled anew.
        _run(session, "GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {} TO {}", name, name)
        for process in PROCESSES:
            _run(session, "GRANT CONNECT ON DATABASE {} TO {}", name, role_of(name, process))

    @staticmethod
    def _only_owner_makes_things(session: psycopg.Connection, name: str) -> None:
        _run(session, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # a server of before PostgreSQL 15 has it given
        _run(session, "GRANT USAGE, CREATE ON SCHEMA public TO {}", name)

    @contextmanager
    def _session(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        """Opens an administrator's session without transactions, which CREATE DATABASE needs."""
        target = make_conninfo(verified(self.administrator_url, self.ca_file), dbname=database)
        with psycopg.connect(target, autocommit=True) as session:
            yield session


def role_of(database: str, process: str) -> str:
    """Returns the name of a process's role; infirmary.postgres.rights looks for it by the same name."""
    return f"{database}_{process}"


def as_process(url: str, process: str) -> str:
    """Returns the URL of a clone as a process, from its owner's: they share a password."""
    parts = urlsplit(url)
    owner, _, rest = parts.netloc.partition(":")
    return urlunsplit(parts._replace(netloc=f"{role_of(owner, process)}:{rest}"))


def verified(url: str, ca_file: Path | None) -> str:
    """Returns how to connect to a server whose certificate must be in its name and signed by one of these."""
    return url if ca_file is None else make_conninfo(url, sslmode="verify-full", sslrootcert=str(ca_file))


def _run(session: psycopg.Connection, statement: LiteralString, *names: str) -> None:
    session.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


def _exists(session: psycopg.Connection, query: LiteralString, name: str) -> bool:
    return session.execute(query, [name]).fetchone() is not None
