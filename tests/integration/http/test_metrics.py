"""What an API shows of its requests, on a port of its own, and that no client can add to it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from infirmary.http.refusals import STATUSES
from infirmary.postgres.storage import PostgresStorage
from infirmary.settings import Settings
from local.ports import LOOPBACK, free_port
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase
from tests.integration.http.served import Served, served

SECONDS = "http_server_request_duration_seconds"
ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}
REFUSED: dict[int, bytes] = {
    400: b"NONSENSE\r\n\r\n",
    413: b"POST /patients HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n",
    414: b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    431: b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    501: b"POST /patients HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: bogus\r\n\r\n",
    505: b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
}


@pytest.fixture
def fresh(patients: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API that nobody has asked anything yet."""
    with served("patient", patients, tmp_path) as running:
        yield running


def series(api: Served) -> set[str]:
    return {line.rpartition(" ")[0] for line in api.metrics() if not line.startswith("#")}


def counted(api: Served, method: str, route: str, status: int) -> float:
    labels = f'http_request_method="{method}",http_response_status_code="{status}",http_route="{route}"'
    lines = [line for line in api.metrics() if line.startswith(f"{SECONDS}_count{{{labels}}}")]
    assert len(lines) == 1, f"{labels} is there once"
    return float(lines[0].rpartition(" ")[2])


def test_no_client_adds_a_series(fresh: Served) -> None:
    before = series(fresh)
    with httpx.Client(base_url=fresh.url) as client:
        for number in range(1000):
            method = f"ANYTHING{number}" if number % 2 else "ANYTHING"
            client.request(method, ("/patients", f"/nowhere{number}", "/healthz", "/metrics")[number % 4])
        for method in ("DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD", "PUT"):
            for path in ("/", "/patients", f"/patients/{method}", "/readyz"):
                client.request(method, path)
                client.request(method, path, headers={"Host": "evil.example"})
    for data in REFUSED.values():
        fresh.raw(data)
    assert series(fresh) == before


def test_what_the_server_itself_refuses_is_counted(api: Served) -> None:
    for status, data in REFUSED.items():
        before = counted(api, "_OTHER", "other", status)
        assert api.raw(data)[9:12] == b"%d" % status
        assert counted(api, "_OTHER", "other", status) == before + 1
    for status in STATUSES:
        counted(api, "_OTHER", "other", status)


def test_a_request_that_does_not_become_whole_is_counted_as_408(api: Served) -> None:
    before = counted(api, "_OTHER", "other", 408)
    with api.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        eventually(lambda: counted(api, "_OTHER", "other", 408) == before + 1, because="it takes too long")


def test_an_answer_is_counted_by_its_route_and_status(api: Served) -> None:
    created, unknown = counted(api, "POST", "/patients", 201), counted(api, "GET", "other", 404)
    assert httpx.post(f"{api.url}/patients", json=ADA).status_code == 201
    httpx.get(f"{api.url}/nowhere")
    assert counted(api, "POST", "/patients", 201) == created + 1
    assert counted(api, "GET", "other", 404) == unknown + 1
    assert "http_server_active_requests 0.0" in api.metrics()


def test_probes_and_metrics_are_no_requests(api: Served) -> None:
    def requests() -> list[str]:
        return [line for line in api.metrics() if line.startswith(f"{SECONDS}_count")]

    before = requests()
    for path in ("/healthz", "/readyz"):
        assert httpx.get(f"{api.url}{path}").status_code == 200
        assert httpx.get(f"http://{LOOPBACK}:{api.metrics_port}{path}").text == "ok\n"
    assert requests() == before


def test_clients_do_not_reach_the_metrics(api: Served) -> None:
    answer = httpx.get(f"{api.url}/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer.text.startswith("# The metrics are on METRICS_PORT")
    assert answer.text.count("\n") == 1
    assert httpx.get(f"http://{LOOPBACK}:{api.metrics_port}/patients/x").status_code == 404


def test_the_pool_and_the_build_are_shown_and_no_time_of_creation(api: Served) -> None:
    lines = api.metrics()
    names = {re.split("[ {]", line)[0] for line in lines if not line.startswith("#")}
    assert 'infirmary_db_pool_connections{state="idle"} 1.0' in lines
    assert "infirmary_ready 1.0" in lines
    assert {
        "infirmary_build_info",
        "infirmary_db_pool_requests_waiting",
        "infirmary_db_pool_wait_seconds_total",
        "infirmary_db_pool_timeouts_total",
        "infirmary_table_rows",
        "process_cpu_seconds_total",
    } <= names
    assert not [name for name in names if name.endswith("_created")]


def test_an_api_whose_database_is_away_says_so(tmp_path: Path, unused_port: int) -> None:
    away = Settings(database_url=f"postgresql://a:b@{LOOPBACK}:{unused_port}/away")
    with served("patient", away, tmp_path, is_ready=False) as api:
        eventually(
            lambda: 'infirmary_not_ready{reason="database_away"} 1.0' in api.metrics(), because="it says what is wrong"
        )
        assert httpx.get(f"http://{LOOPBACK}:{api.metrics_port}/readyz").status_code == 503
        assert httpx.get(f"http://{LOOPBACK}:{api.metrics_port}/healthz").status_code == 200


def test_an_api_whose_database_was_not_migrated_says_what_to_do(new_database: NewDatabase) -> None:
    settings = new_database("patient")
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE idempotency_key")
    storage = PostgresStorage("patient", settings)
    problem = storage.problem()
    assert problem is not None
    assert (problem.reason, "python -m infirmary patient migrate" in problem.words) == ("schema", True)
    storage.close()


def test_who_asks_for_it_is_told_a_trace_for_how_long_a_request_took(api: Served) -> None:
    def exemplars(trace: str) -> list[str]:
        asked = {"Accept": "application/openmetrics-text; version=1.0.0"}
        text = httpx.get(f"http://{LOOPBACK}:{api.metrics_port}/metrics", headers=asked).text
        return [line for line in text.splitlines() if f'# {{trace_id="{trace}"}}' in line]

    for flags, expected in (("01", 1), ("00", 0)):
        trace = "5" * 30 + flags
        httpx.get(f"{api.url}/nowhere", headers={"traceparent": f"00-{trace}-{'1' * 16}-{flags}"})
        assert [line.startswith(f"{SECONDS}_bucket") for line in exemplars(trace)] == [True] * expected, trace


def test_metrics_and_probes_come_back_with_a_worker_that_was_killed(patients: Settings, tmp_path: Path) -> None:
    with served("patient", patients, tmp_path) as api:
        (worker,) = [int(pid) for pid in children_of(api.process.pid)]
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: children_of(api.process.pid) not in ([], [str(worker)]), because="there is another worker")
        url = f"http://{LOOPBACK}:{api.metrics_port}"
        eventually(lambda: answers(f"{url}/readyz") == 200, because="it answers in its place")
        assert "infirmary_ready 1.0" in api.metrics()


def test_an_api_that_is_told_to_stop_says_so_until_it_has_answered_all(patients: Settings, tmp_path: Path) -> None:
    with served("patient", patients, tmp_path) as api, api.connect() as client:
        client.sendall(b"POST /patients HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100"), "it has the head, and waits for the body"
        api.process.ask_to_stop()
        stopping = 'infirmary_not_ready{reason="stopping"} 1.0'
        eventually(lambda: stopping in api.metrics(), because="it is waiting for the rest of the request")
        assert httpx.get(f"http://{LOOPBACK}:{api.metrics_port}/healthz").status_code == 200


def test_an_api_whose_two_ports_are_one_does_not_start(patients: Settings, tmp_path: Path) -> None:
    port = str(free_port())
    environment = {**os.environ, "DATABASE_URL": patients.database_url, "HTTP_PORT": port, "METRICS_PORT": port}
    command = [sys.executable, "-m", "services", "patient", "api"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, "METRICS_PORT" in ended.stderr) == (2, True)


def answers(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.HTTPError:
        return 0


def children_of(pid: int | None) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_silent_clients_keep_no_probe_waiting(api: Served) -> None:
    silent = [socket.create_connection((LOOPBACK, api.metrics_port)) for _ in range(50)]
    assert httpx.get(f"http://{LOOPBACK}:{api.metrics_port}/healthz", timeout=5).status_code == 200
    for each in silent:
        each.close()
