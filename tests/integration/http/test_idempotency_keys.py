"""Idempotency keys: a POST that is repeated gets the first answer again, and changes nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from infirmary.settings import Settings
from tests.integration.http.patient_service import ADA, app, client, rows, settings

__all__ = ["app", "client", "settings"]


def test_the_same_key_and_body_get_the_first_answer_again(client: FlaskClient, settings: Settings) -> None:
    answers = [client.post("/patients", json=ADA, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].data == answers[1].data
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(rows(settings, "SELECT FROM patients")) == 1
    assert len(rows(settings, "SELECT FROM outbox")) == 1


def test_the_same_key_with_another_body_is_refused(client: FlaskClient) -> None:
    client.post("/patients", json=ADA, headers={"Idempotency-Key": "k"})
    answer = client.post("/patients", json={**ADA, "full_name": "Grace"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "header.Idempotency-Key"


def test_a_key_holds_for_one_path_only(client: FlaskClient) -> None:
    ids = [client.post("/patients", json=ADA).get_json()["patient_id"] for _ in range(2)]
    answers = [
        client.post(f"/patients/{patient_id}/discharge", headers={"Idempotency-Key": "k"}).status_code
        for patient_id in ids
    ]
    assert answers == [409, 409]


def test_a_key_holds_for_a_path_however_its_id_is_spelled(client: FlaskClient, settings: Settings) -> None:
    patient_id = client.post("/patients", json=ADA).get_json()["patient_id"]
    with psycopg.connect(settings.as_owner().database_url) as connection:
        connection.execute("UPDATE patients SET admission_id = patient_id")
    spelled = (patient_id, patient_id.upper(), patient_id.title())
    answers = [client.post(f"/patients/{each}/discharge", headers={"Idempotency-Key": "k"}) for each in spelled]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1


def test_only_a_good_answer_is_remembered(client: FlaskClient) -> None:
    refused = client.post("/patients", json={"full_name": ""}, headers={"Idempotency-Key": "k"})
    assert refused.status_code == 422
    assert client.post("/patients", json=ADA, headers={"Idempotency-Key": "k"}).status_code == 201


@pytest.mark.parametrize("key", ["", "a" * 256, "sch\u00f6n"])
def test_a_key_that_is_no_key_is_refused(client: FlaskClient, key: str) -> None:
    assert client.post("/patients", json=ADA, headers={"Idempotency-Key": key}).status_code == 422


def test_calls_in_flight_with_one_key_wait_for_the_first(app: Flask, settings: Settings) -> None:
    barrier = threading.Barrier(6)

    def call(_: int) -> tuple[int, bytes]:
        barrier.wait()
        answer = app.test_client().post("/patients", json=ADA, headers={"Idempotency-Key": "k"})
        return answer.status_code, answer.data

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(call, range(6)))
    assert len(answers) == 1
    assert answers.pop()[0] == 201
    assert len(rows(settings, "SELECT FROM patients")) == 1
