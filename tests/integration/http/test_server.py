"""The server's own answers, and what it makes of requests that are unusual or wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infirmary.settings import Settings
from tests.integration.http.served import Served, read_all, served

GOOD = b'{"full_name": "Chunked", "date_of_birth": "1970-01-01"}'
HEAD = b"POST /patients HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: %d\r\n\r\n%s" % (len(GOOD), GOOD), 400),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD), 501),
        (HEAD + b"Content-Length: 200000\r\n\r\n" + GOOD + b" " * 200_000, 413),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (HEAD + b"Transfer-Encoding: bogus\r\n\r\n", 501),
        (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    ],
)
def test_the_servers_own_errors_are_problems_like_all_others(api: Served, data: bytes, status: int) -> None:
    head, _, body = api.raw(data).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    assert headers["Content-Type"] == "application/problem+json"
    assert {name: headers[name] for name in SAFE} == SAFE
    assert headers["Content-Security-Policy"] == PLAIN_POLICY
    assert headers["X-Correlation-ID"]
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["detail"]
    described = httpx.get(f"{api.url}/openapi.json").json()["paths"]["/patients"]["post"]["responses"]
    assert "application/problem+json" in described[str(status)]["content"]


@pytest.mark.parametrize(
    "header",
    [
        *(b"%s: %s" % (name, value) for name in (b"SCRIPT_NAME", b"Script_Name") for value in (b"/x", b"/healthz")),
        b"PATH_INFO: /x",
        b"REMOTE_USER: root",
        b"REQUEST_METHOD: PUT",
        b"X_Forwarded_Proto: https",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Ssl: on\r\nX-Forwarded-Proto: http",
        b"X-Forwarded-Host: evil.example",
        b"X-Forwarded-Prefix: /x",
        b"X-Script-Name: /x",
    ],
)
def test_no_header_leads_a_request_elsewhere(api: Served, header: bytes) -> None:
    def answer(path: bytes) -> tuple[bytes, bytes]:
        raw = api.raw(b"GET %s HTTP/1.1\r\nHost: x\r\n%s%s\r\n\r\n" % (path, CLOSE, header))
        return raw[9:12], raw.partition(b"\r\n\r\n")[2]

    assert answer(b"/healthz") == (b"200", b'{"status":"alive"}\n')
    status, body = answer(b"/patients/nobody")
    assert (status, json.loads(body)["instance"]) == (b"404", "/patients/nobody")


def test_a_body_over_the_limit_is_refused_though_its_length_was_not_announced(api: Served) -> None:
    def pieces() -> Iterator[bytes]:
        yield GOOD
        for _ in range(200):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    assert httpx.post(f"{api.url}/patients", content=pieces(), headers=headers).status_code == 413
    assert httpx.post(f"{api.url}/patients", content=iter([GOOD, b" " * 60_000]), headers=headers).status_code == 201


def test_a_body_without_end_is_refused(api: Served) -> None:
    with api.connect() as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            client.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_requests_that_are_sent_together_are_answered_in_their_order(api: Served) -> None:
    paths = [b"/healthz", b"/nowhere", b"/readyz", b"/patients/no-uuid", b"/healthz"]
    asked = b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths)
    answers = api.raw(asked + HEAD + CLOSE + b"Content-Length: %d\r\n\r\n%s" % (len(GOOD), GOOD))
    statuses = [piece[:3] for piece in answers.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200", b"404", b"200", b"201"]


def test_who_waits_to_be_told_to_go_on_is_told_so(api: Served) -> None:
    with api.connect() as client:
        client.sendall(HEAD + CLOSE + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(GOOD))
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(GOOD)
        assert read_all(client).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    "head", [b"GET /healthz HTTP/1.0\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n"]
)
def test_who_asks_for_it_is_left_alone_after_the_answer(api: Served, head: bytes) -> None:
    answer = api.raw(head)
    assert answer[8:13] == b" 200 "
    assert answer.endswith(b'{"status":"alive"}\n')


def test_what_is_hidden_behind_a_request_is_not_taken_for_another(api: Served) -> None:
    hidden = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    both = HEAD + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(hidden)) + hidden
    assert api.raw(both).count(b"HTTP/1.1 ") == 1


def test_a_head_request_is_answered_without_a_body(api: Served) -> None:
    answer = api.raw(b"HEAD /nowhere HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"application/problem+json" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_an_answer_carries_its_own_requests_correlation_id(api: Served) -> None:
    with httpx.Client(base_url=api.url) as client:
        for number in range(30):
            client.get("/patients/nobody", headers={"X-Correlation-ID": f"another-{number}"})
        for path in ("/nowhere", "/healthz", "/patients/nobody", "/docs/"):
            mine = client.get(path, headers={"X-Correlation-ID": "mine"})
            assert mine.headers["X-Correlation-ID"] == "mine"
            new = {client.get(path).headers["X-Correlation-ID"] for _ in range(4)}
            malformed = client.get(path, headers={"X-Correlation-ID": "a b"}).headers["X-Correlation-ID"]
            assert len(new) == 4
            assert not any(each == "mine" or each.startswith("another") for each in (*new, malformed))


SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PLAIN_POLICY = "default-src 'none'; frame-ancestors 'none'"


def test_answers_stay_out_of_caches_and_of_foreign_pages(api: Served) -> None:
    for path in ("/patients/nobody", "/healthz", "/docs/swagger", "/openapi.json", "/nowhere"):
        headers = httpx.get(f"{api.url}{path}").headers
        assert {name: headers[name] for name in SAFE} == SAFE
        is_page = path.startswith("/docs")
        assert (headers["Content-Security-Policy"] == PLAIN_POLICY) is not is_page
    assert "default-src 'none'" in httpx.get(f"{api.url}/docs/swagger").headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
def test_no_other_origin_may_read_an_answer_or_send_what_a_form_cannot(api: Served, method: str) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    answer = httpx.request(method, f"{api.url}/patients", headers=asked)
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "api.example.org.evil.example", "127.0.0.1.evil.example"]
)
def test_a_request_under_a_strangers_name_is_misdirected(api: Served, host: str) -> None:
    answer = httpx.get(f"{api.url}/openapi.json", headers={"Host": host})
    assert (answer.status_code, answer.headers["Content-Type"]) == (421, "application/problem+json")
    assert "HTTP_HOSTS" in answer.json()["detail"]
    assert httpx.get(f"{api.url}/readyz", headers={"Host": host}).status_code == 200


def test_an_api_answers_to_the_names_that_it_was_given(patients: Settings, tmp_path: Path) -> None:
    with served("patient", patients, tmp_path, HTTP_HOSTS="api.example.org,*.hospital.example.org") as api:
        statuses = {
            host: httpx.get(f"{api.url}/openapi.json", headers={"Host": host}).status_code
            for host in ("api.example.org", "a.hospital.example.org", "patient", f"localhost:{api.port}", "example.org")
        }
    assert statuses.pop("example.org") == 421
    assert set(statuses.values()) == {200}


def test_a_redirection_leads_to_this_server_whatever_it_is_called(api: Served) -> None:
    answer = httpx.get(f"{api.url}/docs", headers={"Host": "elsewhere"})
    assert answer.status_code == 308
    assert answer.headers["Location"] == "/docs/"
