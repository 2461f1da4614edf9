"""What docs/tables.md says of the bytes of a row is about what a row costs, with its indexes."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from benchmarks.month.sizes import sizes
from infirmary.postgres.housekeeping import chores_of_consumer
from local.rundir import REPOSITORY
from tests.integration.conftest import NewDatabase
from tests.integration.services.copying import COPIES, multiply
from tests.integration.services.postman import Hospital, Service

_ROW = re.compile(r"^\| `(\w+)` \|.*?\| (\d\d+) \|", re.MULTILINE)
_ONE_EACH = {"alembic_version", "incarnation", "infirmary_version", "log_reader", "outbox_log", "outbox_relay"}
ALLOWED = 1.3


@pytest.fixture
def hospital(new_database: NewDatabase) -> Iterator[Hospital]:
    with ExitStack() as stack:
        yield Hospital(new_database, stack)


def live(hospital: Hospital) -> None:
    """One is admitted, another one refused."""
    body, key = {"patient_id": hospital.patient(), "ward_id": "W1"}, {"Idempotency-Key": str(uuid4())}
    asked = hospital.services["admission"].client.post("/admissions", json=body, headers=key)
    hospital.carry()
    hospital.confirm(asked.get_json()["admission_id"])
    held = hospital.patient()
    hospital.call("billing", "PUT", f"/accounts/{held}/hold", {"held": True})
    hospital.call("ward", "PUT", "/wards/W1", {"name": "West", "beds": 2})
    hospital.carry()
    hospital.admit(held)


def test_the_page_says_what_a_row_costs(hospital: Hospital) -> None:
    live(hospital)
    measured: dict[str, float] = {}
    for service in hospital.services.values():
        multiply(service.database, _ONE_EACH)
        measured |= costs(service)
        for chore in chores_of_consumer(service.settings, service.database, lambda: time.time() + 30 * 86_400):
            while chore.some():
                pass
        measured = costs(service) | measured
    print("\n".join(f"{name}: {cost:.0f}" for name, cost in sorted(measured.items())))
    page = (REPOSITORY / "docs/tables.md").read_text().partition("## A month")[0]
    said = {name: int(cost) for name, cost in _ROW.findall(page)}
    assert measured.keys() == said.keys()
    assert [name for name, cost in measured.items() if not 1 / ALLOWED < said[name] / cost < ALLOWED] == []


def costs(service: Service) -> dict[str, float]:
    """Returns the bytes of a row of each table that has many."""
    rows: Counter[str] = Counter()
    size_bytes: Counter[str] = Counter()
    for each in sizes(service.database):
        name = each.table.split()[0]  # sequences of sagas and of aggregates are in one table
        rows[name] += each.rows
        size_bytes[name] += each.size_bytes
    return {name: size_bytes[name] / rows[name] for name in rows if rows[name] >= COPIES}
