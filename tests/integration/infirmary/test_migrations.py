"""A migration gives way to the work, keeps what it has done, and ends with a line that says what was in its way."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from infirmary.postgres import migrate as migrations
from infirmary.postgres.migrate import migrate, migrations_of
from infirmary.retry_after import GaveUp
from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

ROOT = Path(__file__).resolve().parents[3]
REVISION = """
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.execute("{statement}")
"""
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    return new_database("patient")


@pytest.fixture
def connection(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def release(connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A next release of patient, after its database: one migration with a table of its own, then one of a table in use.

    Returns the revision of the release before.
    """
    shutil.copytree(migrations_of("patient"), tmp_path / "patient/migrations")
    monkeypatch.setattr(migrations, "folder", lambda: tmp_path)
    head = version(connection)
    versions = tmp_path / "patient/migrations/versions"
    for revision, before, statement in (
        ("9998", head, "CREATE TABLE probe (probe_id int)"),
        ("9999", "9998", "ALTER TABLE patients ADD COLUMN probe text"),
    ):
        text = REVISION.format(revision=revision, before=before, statement=statement)
        (versions / f"{revision}_probe.py").write_text(text)
    return head


def version(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.usefixtures("release")
def test_a_migration_that_meets_a_lock_lets_the_others_by_again_and_again(
    settings: Settings, connection: psycopg.Connection
) -> None:
    with psycopg.connect(settings.as_owner().database_url) as reader:
        reader.execute("LOCK TABLE patients IN ACCESS SHARE MODE")
        migration = in_background(lambda: migrate("patient", settings))
        for _ in range(2):
            eventually(lambda: connection.execute(WAITS).fetchone() == (1,), because="the migration wants its lock")
            connection.execute("SET lock_timeout = '3s'")
            connection.execute("SELECT count(*) FROM patients")  # behind it for a second
            eventually(lambda: connection.execute(WAITS).fetchone() == (0,), because="it gives its place up")
    migration.join(30)
    assert version(connection) == "9999"


@pytest.mark.usefixtures("release")
def test_what_a_migration_has_done_stays_done_when_it_gives_up(
    settings: Settings, connection: psycopg.Connection
) -> None:
    hurried = settings.model_copy(update={"migration_wait_s": 0.1})
    with psycopg.connect(settings.as_owner().database_url) as reader:
        reader.execute("LOCK TABLE patients IN ACCESS SHARE MODE")
        with pytest.raises(GaveUp, match=r"^the migration of patient gave up after 0\.1 s: somebody holds a lock"):
            migrate("patient", hurried)
    assert version(connection) == "9998"
    migrate("patient", hurried)
    assert version(connection) == "9999"


@pytest.mark.usefixtures("release")
def test_two_migrations_go_one_after_the_other_and_neither_waits_for_ever(
    settings: Settings, connection: psycopg.Connection
) -> None:
    connection.execute("SELECT pg_advisory_lock(hashtextextended('infirmary:migration', 0))")
    with pytest.raises(GaveUp, match="another migration of this database is under way"):
        migrate("patient", settings.model_copy(update={"migration_wait_s": 0.1}))
    migration = in_background(lambda: migrate("patient", settings))
    connection.execute("SELECT pg_advisory_unlock_all()")
    migration.join(30)
    assert version(connection) == "9999"


def test_an_older_release_leaves_a_newer_database_as_it_is(
    settings: Settings, connection: psycopg.Connection, release: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection.execute("UPDATE alembic_version SET version_num = '10000'")
    migrate("patient", settings)
    assert version(connection) == "10000"
    assert "the database is at revision 10000, newer than this image's 9999: it is left as it is" in caplog.text
    connection.execute("UPDATE alembic_version SET version_num = %s", [release])
    migrate("patient", settings)
    assert version(connection) == "9999"


@pytest.mark.usefixtures("release")
def test_nobodys_defaults_change_what_a_migration_does(settings: Settings, connection: psycopg.Connection) -> None:
    role = connection.info.user
    for name, value in {
        "search_path": "nowhere",
        "default_transaction_isolation": "serializable",
        "default_transaction_read_only": "on",
        "statement_timeout": "1",
        "lock_timeout": "0",
        "DateStyle": "German",
        "standard_conforming_strings": "off",
    }.items():
        connection.execute(f"ALTER ROLE \"{role}\" SET {name} = '{value}'".encode())
    if connection.info.server_version >= 170000:
        connection.execute(f"ALTER ROLE \"{role}\" SET transaction_timeout = '2'".encode())
    migrate("patient", settings)
    assert version(connection) == "9999"
    assert connection.execute("SELECT to_regclass('public.probe')::text").fetchone() == ("probe",)


@pytest.mark.usefixtures("release")
def test_a_url_may_name_two_hosts_of_which_one_is_away(
    settings: Settings, connection: psycopg.Connection, unused_port: int
) -> None:
    info = connection.info
    two = re.sub(r"@[^/]+/", f"@{info.host}:{unused_port},{info.host}:{info.port}/", settings.database_url)
    migrate("patient", settings.model_copy(update={"database_url": f"{two}?target_session_attrs=read-write"}))
    assert version(connection) == "9999"


@pytest.mark.parametrize(
    ("service", "environment", "status", "said"),
    [
        ("patient", {}, 1, "Error: the migration of patient gave up after 0.1 s: the database is away"),
        ("notification", {}, 1, "Error: the migration of notification gave up after 0.1 s: the database is away"),
        ("patient", {"LOG_PARTS": "3"}, 2, "The configuration is not valid: LOG_PARTS: "),
        ("billing", {"ADMISSION_FEE": "abc"}, 2, "The configuration is not valid: ADMISSION_FEE: "),
        ("patient", {"DATABASE_URL": "postgresql://p:p@127.0.0.1:port/p"}, 2, "is not valid: DATABASE_URL: "),
        ("patient", {"INFIRMARY_SETTINGS": "LOG_PRATS"}, 2, "LOG_PRATS: nobody reads it; did you mean LOG_PARTS?"),
    ],
    ids=["database away", "mongodb away", "bad value", "bad value of the consumer", "bad address", "misspelt"],
)
def test_a_migration_that_cannot_run_says_why_in_one_line(
    unused_port: int, service: str, environment: dict[str, str], status: int, said: str
) -> None:
    scheme = "mongodb" if service == "notification" else "postgresql"
    url = f"{scheme}://127.0.0.1:{unused_port}/{service}"
    ended = subprocess.run(
        [sys.executable, "-m", "services", service, "migrate"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url, "MIGRATION_WAIT_S": "0.1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (status, 1), ended.stderr
    assert said in ended.stderr
