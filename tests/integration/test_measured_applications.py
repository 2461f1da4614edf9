"""What the benchmark of requests starts comes up and answers: it broke once, unseen, when probes got their own port."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import httpx
import psycopg
import pytest

from benchmarks.requests import WAYS, serving
from tests.integration.conftest import NewDatabase


@pytest.mark.parametrize("command", [command for _, _, command in WAYS], ids=" ".join)
def test_an_application_that_is_measured_answers(
    command: Sequence[str], new_database: NewDatabase, tmp_path: Path
) -> None:
    patient_id, url = uuid4(), new_database("prescription").database_url
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO patient_snapshot VALUES (%s, 'Ada', 1)", (patient_id,))
    testbed = cast("Any", SimpleNamespace(logs=tmp_path))
    body = {"patient_id": str(patient_id), "medication_code": "aspirin-100", "quantity": 1}
    with serving(testbed, url, command) as api:
        assert httpx.post(api.address, json=body, timeout=10).status_code == 201
