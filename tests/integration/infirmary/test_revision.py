"""The next migration is drafted from `tables.py`, to be read by a person; what it drafts migrates, and then is all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from infirmary.postgres.revise import CannotRevise, revise
from infirmary.postgres.schema import library_migrations
from infirmary.settings import Settings
from tests.integration.catalog import execute
from tests.integration.conftest import EmptyDatabase, NewDatabase

ROOT = Path(__file__).resolve().parents[3]
BEDS = "    beds = sa.Column(sa.Integer, nullable=False)\n"
NOTHING_TO_DO = "There is nothing to do"
DRAFTED = '''\
"""Wards have floors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Brings the tables to what `tables.py` declares."""
    op.add_column('wards', sa.Column('floor', sa.Integer(), nullable=True))
'''
NURSES = """
sa.Table(
    "nurses",
    metadata,
    sa.Column("nurse_id", sa.Uuid(), primary_key=True),
    sa.Column("details", sa.dialects.postgresql.JSONB, nullable=False),
    sa.CheckConstraint("details <> '{}'", "details"),
    postgresql_with={"fillfactor": 80},
)
"""


class WorkingCopy:
    """The services' code, to be changed and migrated, and the database of one of them."""

    def __init__(self, folder: Path, service: str, settings: Settings) -> None:
        shutil.copytree(ROOT / "services", folder / "services", ignore=shutil.ignore_patterns("__pycache__"))
        self._folder, self._service, self.settings = folder, service, settings
        self.tables = folder / "services" / service / "tables.py"
        self.migrations = folder / "services" / service / "migrations"

    def change(self, old: str, new: str) -> None:
        """Replaces what is in tables.py."""
        text = self.tables.read_text()
        assert old in text
        self.tables.write_text(text.replace(old, new))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the service with this code."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DATABASE_URL": self.settings.database_url,
        }
        command = [sys.executable, "-m", "services", self._service, *words]
        return subprocess.run(command, cwd=self._folder, env=environment, capture_output=True, text=True, check=False)

    def says(self, *words: str) -> str:
        """Runs a command that ends well, and returns what it says."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def complains(self, *words: str) -> str:
        """Runs a command that cannot do what it is asked, and returns what it says of it."""
        done = self.run(*words)
        assert done.returncode == 1, done.stdout
        return done.stderr

    def versions(self) -> list[str]:
        """Returns the names of the migrations."""
        return sorted(path.name for path in self.migrations.glob("versions/*.py"))


@pytest.fixture
def ward(tmp_path: Path, new_database: NewDatabase) -> WorkingCopy:
    return WorkingCopy(tmp_path, "ward", new_database("ward"))


def test_a_column_that_is_declared_becomes_a_migration_after_which_nothing_is_left_to_do(ward: WorkingCopy) -> None:
    ward.change(BEDS, BEDS + "    floor = sa.Column(sa.Integer)\n")
    written = ward.migrations / "versions/0003_wards_have_floors.py"
    said = ward.says("revision", "wards have floors.")
    assert f"{written} is written. Read it before it runs" in said
    assert written.read_text() == DRAFTED
    too_early = ward.complains("revision", "wards have roofs")
    assert "the database is at revision 0002 and the code at 0003: migrate first" in too_early
    ward.says("migrate")
    assert NOTHING_TO_DO in ward.says("revision", "wards have roofs")
    assert ward.versions()[2:] == [written.name]


def test_a_table_that_is_declared_is_made_with_its_limits_and_parameters(ward: WorkingCopy) -> None:
    ward.tables.write_text(ward.tables.read_text() + NURSES)
    ward.says("revision", "nurses")
    ward.says("migrate")
    assert NOTHING_TO_DO in ward.says("revision", "nurses again")
    limited = "SELECT conname FROM pg_constraint WHERE conrelid = 'nurses'::regclass AND contype = 'c'"
    assert execute(ward.settings, limited) == [("nurses_details_limit",)]
    stored = "SELECT reloptions FROM pg_class WHERE oid = 'nurses'::regclass"
    assert execute(ward.settings, stored) == [(["fillfactor=80"],)]


def test_a_table_of_the_librarys_of_an_earlier_release_is_left_alone(ward: WorkingCopy) -> None:
    execute(ward.settings, "CREATE TABLE inbox (message_id uuid PRIMARY KEY)")
    assert NOTHING_TO_DO in ward.says("revision", "nothing")


def test_a_service_that_declares_a_table_of_the_librarys_is_compared_with_it(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    admission = WorkingCopy(tmp_path, "admission", new_database("admission"))
    assert NOTHING_TO_DO in admission.says("revision", "nothing")
    execute(admission.settings, "DROP INDEX admissions_of_patient")
    admission.says("revision", "the index")
    admission.says("migrate")
    assert execute(admission.settings, "SELECT to_regclass('admissions_of_patient') IS NOT NULL") == [(True,)]


def test_the_librarys_tables_are_to_be_there_first(tmp_path: Path, empty_database: EmptyDatabase) -> None:
    ward = WorkingCopy(tmp_path, "ward", empty_database())
    said = ward.complains("revision", "anything")
    newest = ScriptDirectory.from_config(library_migrations()).get_current_head()
    assert f"the library's part of the database is at revision none and the code at {newest}: migrate first" in said


def test_a_service_begins_with_its_first_revision(tmp_path: Path, empty_database: EmptyDatabase) -> None:
    ward = WorkingCopy(tmp_path, "ward", empty_database())
    shutil.rmtree(ward.migrations)
    ward.says("migrate")
    ward.says("revision", "wards")
    assert ward.versions() == ["0001_wards.py"]
    assert (ward.migrations / "__init__.py").exists()
    ward.says("migrate")
    assert NOTHING_TO_DO in ward.says("revision", "nothing")


@pytest.mark.parametrize("what", ["", "  ", 'says "no"', "two\nlines", "x" * 100, "\\"])
def test_words_that_would_not_do_as_a_docstring_are_refused(what: str) -> None:
    with pytest.raises(CannotRevise, match="say in up to 99 characters"):
        revise("ward", Settings(database_url="postgresql://nowhere"), what)


def test_a_service_without_tables_has_nothing_to_compare() -> None:
    with pytest.raises(CannotRevise, match=r"notification has no tables\.py"):
        revise("notification", Settings(database_url="postgresql://nowhere"), "anything")
