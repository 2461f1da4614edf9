"""A release that changes a service's tables, and the way back to the one before, while people work: nobody notices."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.client import Hospital
from tests.cluster.cluster import Cluster, helm
from tests.cluster.images import build_image
from tests.cluster.load import Load
from tests.e2e.renamed_column.new_code import add_migration, newest_revision, with_renamed_column

ROOT = Path(__file__).resolve().parents[2]
NEWEST = newest_revision(ROOT / "services/patient/migrations/versions")
NEXT = "renamed-column"

UNDO = f"""
DROP TRIGGER keep_names_alike ON patients;
DROP FUNCTION keep_names_alike();
ALTER TABLE patients DROP COLUMN legal_name, ALTER COLUMN full_name SET NOT NULL;
UPDATE alembic_version SET version_num = '{NEWEST}';
"""


@pytest.fixture
def next_release(cluster: Cluster, tmp_path: Path) -> None:
    """An image of patient with one more migration, and the code that goes with it."""
    expand = add_migration("expand", NEWEST, tmp_path)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {cluster.image('patient', 'api')}\n"
        f"COPY {expand.name} services/patient/migrations/versions/\n"
        "COPY tables.py services/patient/\n"
    )
    (tmp_path / "tables.py").write_text(with_renamed_column((ROOT / "services/patient/tables.py").read_text()))
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    build_image(f"infirmary-patient:{NEXT}", tmp_path)


@pytest.fixture
def tables(cluster: Cluster, env: dict[str, str]) -> Iterator[psycopg.Connection]:
    """Patient's database; its tables and its release are as before when the test has ended."""
    with psycopg.connect(env["PATIENT_DATABASE_URL"], autocommit=True) as connection:
        yield connection
        if has_next_release(cluster):
            roll_back(cluster)
        connection.execute(UNDO)


def has_next_release(cluster: Cluster) -> bool:
    return cluster.image("patient", "api").endswith(f":{NEXT}")


def roll_back(cluster: Cluster) -> None:
    helm("rollback", "patient", "--wait", "--timeout", "4m")
    cluster.wait_until_ready()


def columns(tables: psycopg.Connection) -> set[str]:
    rows = tables.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'patients'")
    return {name for (name,) in rows}


@pytest.mark.usefixtures("next_release")
def test_a_migration_and_a_rollback_fail_no_request(
    cluster: Cluster, env: dict[str, str], audited: Hospital, tables: psycopg.Connection
) -> None:
    with Load(env) as load:
        helm(
            "upgrade", "patient", "charts/service", "--reuse-values", "--wait", "--timeout", "4m",
            "--set", f"image.repository=infirmary-patient,image.tag={NEXT}",
        )  # fmt: skip
        cluster.wait_until_ready()
        assert has_next_release(cluster)
        assert "legal_name" in columns(tables)
        roll_back(cluster)
        assert not has_next_release(cluster)
    assert not load.failures, load.failures
