"""Whatever an endpoint is asked for is put on record, also if the process is killed when its answer has left."""

import json
import random
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from infirmary.access.spool import SMALLEST_BYTES
from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.http.issuer import Issuer
from tests.integration.http.patient_service import ADA, rows
from tests.integration.http.served import Served, served

SEED = 20260131
KILLS = 4


@pytest.fixture(scope="module")
def recorded(patients: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A patient service that puts everything on record, and asks who it is."""
    folder = tmp_path_factory.mktemp("recorded")
    with on_record(patients, issuer, folder) as running:
        yield running


def on_record(patients: Settings, issuer: Issuer, folder: Path, **more: str) -> AbstractContextManager[Served]:
    """Runs such a service; it keeps in `folder/spool` what is still to be told."""
    spool = str(folder / "spool")
    who = {"OIDC_ISSUER": issuer.url, "ACCESS_RECORDED_BY": "audit", "ACCESS_SPOOL": spool}
    return served("patient", patients, folder, True, None, **who, **more)


def record(settings: Settings) -> list[dict[str, Any]]:
    """Returns what the outbox tells audit, in the order in which it was written."""
    told = rows(settings, "SELECT body FROM outbox WHERE target = 'patient.to.audit' ORDER BY id")
    return [access for (body,) in told for access in json.loads(bytes(body))["accesses"]]


def of(settings: Settings, answer: httpx.Response) -> dict[str, Any]:
    """Returns what is on record of an answer; it is there once."""
    correlation_id = answer.headers["X-Correlation-ID"]

    def found() -> list[dict[str, Any]]:
        return [each for each in record(settings) if each["correlation_id"] == correlation_id]

    (one,) = eventually(found, because="it is on record")
    return one


def all_told(folder: Path) -> bool:
    """Says whether an API's folder of what is still to be told holds nothing."""
    return all(not any(file.read_bytes()) for file in folder.iterdir())


def as_role(issuer: Issuer, role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.tokens[f'HOSPITAL_TOKEN_{role}']}"}


def registered(api: Served, headers: dict[str, str], **more: str) -> httpx.Response:
    answer = httpx.post(f"{api.url}/patients", json=ADA, headers={**headers, **more}, timeout=20)
    assert answer.status_code == 201, answer.text
    return answer


def test_a_change_is_on_record_with_the_messages_that_tell_of_it(
    recorded: Served, patients: Settings, issuer: Issuer
) -> None:
    answer = registered(recorded, as_role(issuer, "WARD_CLERK"))
    found = of(patients, answer)
    assert found["roles"] == ["ward-clerk"]
    assert (found["method"], found["route"], found["status"]) == ("POST", "/patients", 201)
    assert (found["scope"], found["person"]) == ("patients:write", answer.json()["patient_id"])
    assert (found["address"], found["identified"], found["several"]) == ("127.0.0.1", True, False)
    written = rows(patients, "SELECT xmin::text, type FROM outbox ORDER BY id DESC LIMIT 2")
    assert {kind for _, kind in written} == {"PatientRegistered", "AccessRecorded"}
    assert len({transaction for transaction, _ in written}) == 1


def test_an_answer_that_is_given_again_is_on_record_again(recorded: Served, patients: Settings, issuer: Issuer) -> None:
    who, key = as_role(issuer, "WARD_CLERK"), "key-of-a-repeated-request"
    first, again = (registered(recorded, who, **{"Idempotency-Key": key}) for _ in range(2))
    assert of(patients, first)["person"] == of(patients, again)["person"] == first.json()["patient_id"]


def test_what_was_seen_is_on_record(recorded: Served, patients: Settings, issuer: Issuer) -> None:
    place = registered(recorded, as_role(issuer, "WARD_CLERK")).headers["Location"]
    answer = httpx.get(recorded.url + place, headers=as_role(issuer, "DOCTOR"))
    found = of(patients, answer)
    assert (found["roles"], found["status"], found["person"]) == (["doctor"], 200, answer.json()["patient_id"])
    assert found["route"] == "/patients/<patient_id>"


def test_who_was_turned_away_is_on_record_with_whom_he_wanted_to_see(
    recorded: Served, patients: Settings, issuer: Issuer
) -> None:
    place = registered(recorded, as_role(issuer, "WARD_CLERK")).headers["Location"]
    nobody = httpx.get(recorded.url + place)
    machine = httpx.get(recorded.url + place, headers=as_role(issuer, "MACHINE"))
    unknown = httpx.get(
        f"{recorded.url}/patients/018f4d1e-7d3a-7000-8000-000000000000", headers=as_role(issuer, "DOCTOR")
    )
    seen = {answer.status_code: of(patients, answer) for answer in (nobody, machine, unknown)}
    assert set(seen) == {401, 403, 404}
    assert {status: found["status"] for status, found in seen.items()} == {401: 401, 403: 403, 404: 404}
    assert seen[401]["caller"] is None
    assert (seen[403]["roles"], seen[403]["caller"] is None) == (["machine"], False)
    assert seen[401]["person"] == seen[403]["person"] == place.rpartition("/")[2]


def test_what_is_no_endpoint_is_not_on_record(recorded: Served, patients: Settings) -> None:
    before = len(record(patients))
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs/", "/no-such-thing"):
        httpx.get(recorded.url + path)
    assert len(record(patients)) == before


def test_every_answer_that_came_before_a_kill_is_on_record(patients: Settings, issuer: Issuer, tmp_path: Path) -> None:
    drawn, answered = random.Random(SEED), list[httpx.Response]()
    unsent = 0
    for _ in range(KILLS):
        with on_record(patients, issuer, tmp_path) as api:
            place = registered(api, as_role(issuer, "WARD_CLERK")).headers["Location"]
            with httpx.Client(base_url=api.url, headers=as_role(issuer, "DOCTOR")) as client:
                answered += [client.get(place) for _ in range(drawn.randint(1, 5))]
                api.process.send(signal.SIGKILL)
        unsent += not all_told(tmp_path / "spool")
    with on_record(patients, issuer, tmp_path):
        eventually(lambda: all_told(tmp_path / "spool"), because="what the killed ones have left is told")
    found = {each["correlation_id"] for each in record(patients)}
    assert {answer.headers["X-Correlation-ID"] for answer in answered} <= found
    assert unsent, "no kill came before all was told, so nothing was tried"


def test_what_is_asked_for_while_the_database_takes_nothing_is_on_record_later_and_not_shown_where_there_is_no_room(
    patients: Settings, issuer: Issuer, tmp_path: Path
) -> None:
    with (
        on_record(patients, issuer, tmp_path, ACCESS_SPOOL_BYTES=str(SMALLEST_BYTES)) as api,
        httpx.Client(base_url=api.url, headers=as_role(issuer, "DOCTOR"), timeout=20) as doctor,
        psycopg.connect(patients.as_owner().database_url, autocommit=True) as owner,
    ):
        place = registered(api, as_role(issuer, "WARD_CLERK")).headers["Location"]
        owner.execute("ALTER TABLE outbox ADD CONSTRAINT nothing_more CHECK (false) NOT VALID")
        try:
            shown = list[httpx.Response]()
            while (answer := doctor.get(place)).status_code == 200:
                shown.append(answer)
                assert len(shown) < SMALLEST_BYTES / 100, "there is room for more than it was given"
            refused = httpx.get(api.url + place)
        finally:
            owner.execute("ALTER TABLE outbox DROP CONSTRAINT nothing_more")
        assert (answer.status_code, refused.status_code) == (503, 401)
        assert "Ada" not in answer.text
        assert answer.headers["Retry-After"]
        told = {each.headers["X-Correlation-ID"] for each in shown}
        eventually(
            lambda: told <= {each["correlation_id"] for each in record(patients)}, because="what was shown is on record"
        )
        assert doctor.get(place).status_code == 200
