"""The script of charts/infra makes the database and the roles that `make up` makes."""

import subprocess

import psycopg
import pytest

from local.databases import PROCESSES, Databases, role_of
from local.rundir import REPOSITORY
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer, binaries

SCRIPT = REPOSITORY / "charts" / "infra" / "files" / "database.sql"
RIGHTS = """
SELECT has_database_privilege(%(role)s, current_database(), 'CONNECT'),
       has_database_privilege(%(role)s, current_database(), 'CREATE'),
       has_database_privilege(%(role)s, current_database(), 'TEMPORARY'),
       has_schema_privilege(%(role)s, 'public', 'USAGE'), has_schema_privilege(%(role)s, 'public', 'CREATE'),
       pg_has_role(%(owner)s, %(role)s, 'USAGE'), pg_has_role(%(role)s, %(owner)s, 'USAGE')
"""


def run(server: PostgresServer | ExternalPostgres, name: str, **passwords: str) -> None:
    variables = {"name": name, "connections": "80", **passwords}
    given = [word for variable, value in variables.items() for word in ("-v", f"{variable}={value}")]
    command = [
        str(binaries() / "psql"),
        "--dbname",
        server.url,
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        *given,
        "-f",
        str(SCRIPT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def rights(owner_url: str, name: str) -> dict[str, object]:
    """Returns what each role of a database may do, by the process; the owner's under no name."""
    roles = {"": name} | {process: role_of(name, process) for process in PROCESSES}
    with psycopg.connect(owner_url) as owner:
        return {
            process: owner.execute(RIGHTS, {"role": role, "owner": name}).fetchone() for process, role in roles.items()
        }


def test_the_charts_roles_may_what_those_of_one_machine_may(postgres: PostgresServer | ExternalPostgres) -> None:
    databases: Databases = postgres.databases
    here = databases.create("of_one_machine", "first")
    passwords = {process: f"{process}'s own" for process in PROCESSES}
    for owners in ("second", "the owner's next"):  # it runs again with each change
        run(postgres, "of_a_cluster", password=owners, **passwords)
    there = databases.url_of("of_a_cluster", owners)
    expected = rights(here, "of_one_machine")
    assert rights(there, "of_a_cluster") == expected
    assert expected[""] == (True, True, True, True, True, True, True)
    assert expected["api"] == (True, False, False, True, False, True, False)
    for process, password in passwords.items():
        psycopg.connect(databases.url_of("of_a_cluster", password, role_of("of_a_cluster", process))).close()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(databases.url_of("of_one_machine", password, role_of("of_a_cluster", process)))
