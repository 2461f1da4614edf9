"""A caller that sends too much is told so, and nobody else notices."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from infirmary.http.rates import BURST_S
from infirmary.http.turns import most_at_once
from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.http.issuer import Issuer
from tests.integration.http.patient_service import ADA
from tests.integration.http.served import Served, served

PER_S = 5
BURST = int(PER_S * BURST_S) - 1
ASKED = "/patients/nobody"

# Elsewhere only one of the addresses of the loopback interface is there.
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs several addresses of one machine")


@pytest.fixture
def limited(patients: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API whose callers are soon told to wait."""
    with served("patient", patients, tmp_path, HTTP_CALLER_REQUESTS_PER_S=str(PER_S)) as running:
        yield running


def client(api: Served, address: str) -> httpx.Client:
    """A client at an address of its own."""
    return httpx.Client(base_url=api.url, transport=httpx.HTTPTransport(local_address=address), timeout=20)


def told_to_wait(one: httpx.Client) -> httpx.Response:
    """Asks without a pause until the answer is 429, and returns that."""
    return next(answer for answer in iter(lambda: one.get(ASKED), None) if answer.status_code == 429)


@contextmanager
def flooding(api: Served, address: str, threads: int = 8) -> Iterator[Counter[int]]:
    """Asks as fast as it can, from many connections, and counts the answers."""
    stop, answers = threading.Event(), Counter[int]()

    def ask() -> None:
        with client(api, address) as one:
            while not stop.is_set():
                answers[one.get(ASKED).status_code] += 1

    running = [threading.Thread(target=ask) for _ in range(threads)]
    for each in running:
        each.start()
    try:
        yield answers
    finally:
        stop.set()
        for each in running:
            each.join()


def test_one_that_floods_starves_nobody(limited: Served) -> None:
    with flooding(limited, "127.0.0.2") as answers:
        eventually(lambda: answers[429] > 100, because="it has sent more than its share")
        with client(limited, "127.0.0.3") as another:
            asked = [another.get(ASKED) for _ in range(BURST)]
    assert {each.status_code for each in asked} == {404}
    assert max(each.elapsed.total_seconds() for each in asked) < 2
    assert answers[404] > BURST / 2
    assert answers[429] > answers[404]


def test_who_waits_for_as_long_as_it_was_told_is_answered(limited: Served) -> None:
    with client(limited, "127.0.0.2") as one:
        told = told_to_wait(one)
        assert told.headers["Content-Type"] == "application/problem+json"
        assert told.headers["Cache-Control"] == "no-store"
        assert told.json()["status"] == 429
        assert int(told.headers["Retry-After"]) == 1
        eventually(lambda: one.get(ASKED).status_code == 404, because="others of its requests are long ago")


def test_probes_are_answered_whatever_their_caller_has_sent(limited: Served) -> None:
    with client(limited, "127.0.0.2") as one:
        told_to_wait(one)
        assert {one.get(path).status_code for path in ("/healthz", "/readyz") for _ in range(BURST)} == {200}


def test_without_a_limit_one_may_send_what_it_likes(patients: Settings, tmp_path: Path) -> None:
    with (
        served("patient", patients, tmp_path, HTTP_CALLER_REQUESTS_PER_S="0") as api,
        client(api, "127.0.0.2") as one,
    ):
        assert {one.get(ASKED).status_code for _ in range(2 * BURST)} == {404}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_those_who_come_from_one_address_are_told_apart_by_their_tokens(
    patients: Settings, issuer: Issuer, tmp_path: Path
) -> None:
    with (
        served("patient", patients, tmp_path, HTTP_CALLER_REQUESTS_PER_S=str(PER_S), OIDC_ISSUER=issuer.url) as api,
        client(api, "127.0.0.2") as proxy,
    ):
        doctor, auditor = (bearer(issuer.tokens[f"HOSPITAL_TOKEN_{each}"]) for each in ("DOCTOR", "AUDITOR"))
        eventually(lambda: proxy.get(ASKED, headers=doctor).status_code == 404, because="the keys are there")

        def answers(headers: dict[str, str]) -> Counter[int]:
            return Counter(proxy.get(ASKED, headers=headers).status_code for _ in range(2 * BURST))

        assert answers(doctor)[429] > 0
        with client(api, "127.0.0.3") as elsewhere:
            there = Counter(elsewhere.get(ASKED, headers=doctor).status_code for _ in range(BURST // 2))
            assert there[429] > 0, "it is the same doctor there"
        assert answers({})[429] > 0, "who has no token is where it comes from"
        assert answers(bearer("a.b.c"))[401] < BURST / 2, "and so is who has a bad one"
        assert proxy.get(ASKED, headers=auditor).status_code == 404
        told_off = proxy.put(f"{ASKED}/name", headers=auditor, json={})
        assert told_off.status_code == 403


def test_one_whose_requests_are_slow_leaves_threads_to_the_others(patients: Settings, tmp_path: Path) -> None:
    with (
        served("patient", patients, tmp_path) as api,
        client(api, "127.0.0.2") as slow,
        client(api, "127.0.0.3") as another,
        psycopg.connect(patients.database_url) as holder,
        ThreadPoolExecutor(2 * patients.http_threads) as pool,
    ):
        path = another.post("/patients", json=ADA).headers["Location"]
        holder.execute("SELECT FROM patients WHERE patient_id = %s FOR UPDATE", [path.rpartition("/")[2]])
        waiting = [
            pool.submit(slow.put, f"{path}/name", json={"full_name": "Ada Lovelace"})
            for _ in range(2 * patients.http_threads)
        ]
        busy = f"http_server_active_requests {most_at_once(patients.http_threads)}.0"
        eventually(lambda: busy in api.metrics(), because="as many wait as one caller may have")
        answer = another.get(path)
        assert busy in api.metrics(), "and they still did when the other one was answered"
        assert answer.status_code == 200
        holder.rollback()
        assert {each.result().status_code for each in waiting} <= {200, 503}
