"""Clients that are slow, silent or many are no concern of anybody else, nor of the probes."""

import json
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psycopg

from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.http.served import Served, read_all, served

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
HALF_A_BODY = b"POST /patients HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
HALF_A_CHUNK = b"POST /patients HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"
SLOW = (b"", b"G", HALF_A_HEAD, HALF_A_BODY, HALF_A_CHUNK)


def served_quickly(api: Served) -> bool:
    """Asks for what needs a thread and for what the probes ask, on new connections."""
    began, statuses = time.monotonic(), set()
    for method, path, body in (("GET", "/healthz", None), ("GET", "/readyz", None), ("POST", "/patients", ADA)):
        with api.client as client:
            statuses.add(client.request(method, path, json=body).status_code)
    assert statuses == {200, 201}
    return time.monotonic() - began < 5


def test_clients_that_fall_silent_hold_up_nobody_and_are_told(api: Served) -> None:
    with ExitStack() as stack:
        clients = []
        for number in range(200):
            client = stack.enter_context(api.connect())
            client.sendall(SLOW[number % len(SLOW)])
            clients.append(client)
        assert served_quickly(api)
        for client in clients[1:5]:  # one of each kind that has begun something
            head, _, body = read_all(client).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 ")
            assert json.loads(body)["status"] == 408
        assert served_quickly(api)


def test_a_client_that_sends_a_byte_now_and_then_is_given_no_more_time(api: Served) -> None:
    with api.connect() as client:
        client.settimeout(0.2)
        began, answer = time.monotonic(), b""
        while not answer and time.monotonic() - began < 20:
            client.sendall(b"a")
            with suppress(TimeoutError):
                answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_client_that_reads_nothing_holds_no_thread(api: Served) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", api.port))
            client.settimeout(2)
            with suppress(TimeoutError):
                client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        assert served_quickly(api)


def test_a_flood_of_idle_connections_closes_the_oldest_and_keeps_none_out(api: Served) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(api.connect()) for _ in range(700)]
        assert served_quickly(api)
        assert clients[0].recv(1) == b""
        newest = clients[-1]
        newest.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert newest.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(api: Served) -> None:
    for data in SLOW * 20:
        with api.connect() as client:
            client.sendall(data)
    (worker,) = [int(pid) for pid in children(api.process.pid or 0)]
    eventually(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) < 100, because="the connections are closed")
    assert served_quickly(api)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_who_is_told_to_stop_answers_what_was_begun_and_lets_the_idle_go(patients: Settings, tmp_path: Path) -> None:
    patient_id = ""
    with served("patient", patients, tmp_path) as api, ThreadPoolExecutor() as pool:
        patient_id = httpx.post(f"{api.url}/patients", json=ADA).json()["patient_id"]
        where = f"{api.url}/patients/{patient_id}/name"
        with psycopg.connect(patients.as_owner().database_url) as holder, api.connect() as idle, api.connect() as half:
            holder.execute("SELECT FROM patients FOR UPDATE")
            half.sendall(HALF_A_HEAD)
            held_up = pool.submit(httpx.put, where, json={"full_name": "Ada King"}, timeout=20)
            eventually(waits_for_a_lock(patients), because="the request waits for the row")
            os.kill(api.process.pid or 0, 15)
            eventually(lambda: refuses(api), because="nobody new is let in")
            holder.rollback()
            half.sendall(b"\r\n")
            answer = read_all(half)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"Connection: close" in answer
            assert held_up.result().status_code == 200
            assert read_all(idle) == b""
        eventually(lambda: api.process.exit_code is not None, because="it has ended", within_s=15)
        assert api.process.exit_code == 0


def waits_for_a_lock(settings: Settings) -> Callable[[], bool]:
    def look() -> bool:
        with psycopg.connect(settings.as_owner().database_url) as connection:
            return connection.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)").fetchone() == (True,)

    return look


def refuses(api: Served) -> bool:
    try:
        api.connect().close()
    except OSError:
        return True
    return False
