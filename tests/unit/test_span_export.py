"""Spans on their way to a store: they come there as they were told; one that is away harms nobody, and is told once."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from infirmary.tracing import span_export
from infirmary.tracing.spans import Span
from infirmary_relay import sends
from infirmary_relay import span_export as relay_export
from local.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT, OWN = f"00-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b8-01"
NOBODY: Callable[[int], None] = lambda _count: None  # noqa: E731
BEGUN_NS = 1_795_656_848_300_028_000


class Store:
    """A store of traces that keeps what it is sent."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[tuple[str, bytes]] = []
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                store.requests.append((self.path, body))
                self.send_response(202 if self.path.endswith("spans") else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Goes away."""
        self._server.shutdown()
        self._server.server_close()

    def spans(self) -> list[dict[str, Any]]:
        """Returns what a Zipkin was sent."""
        return [span for _, body in self.requests for span in json.loads(body)]


@pytest.fixture
def store() -> Iterator[Store]:
    """A store that is there."""
    made = Store()
    yield made
    made.close()


def span(**changes: Any) -> Span:
    told: dict[str, Any] = {"parent": PARENT, "begun_ns": BEGUN_NS, "ended_ns": BEGUN_NS + 5_000_000}
    return Span("process ward.events", "consumer", OWN, **{**told, **changes})


def wait_for(condition: Any) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_a_span_comes_to_zipkin_as_it_was_told(store: Store) -> None:
    export = span_export.Export(span_export.exporter_to("zipkin", store.url), "ward", "consumer", NOBODY)
    export.take(span(attributes={"infirmary.saga.attempt": 2}, links=(PARENT,), tracestate="foo=1"))
    export.take(span(error="Unlucky"))
    export.close()
    assert {path for path, _ in store.requests} == {"/api/v2/spans"}
    fine, failed = store.spans()
    assert (fine["traceId"], fine["parentId"], fine["id"]) == (TRACE, PARENT[36:52], OWN[36:52])
    assert (fine["name"], fine["kind"], fine["duration"]) == ("process ward.events", "CONSUMER", 5000)
    assert fine["localEndpoint"] == {"serviceName": "ward"}
    assert (fine["tags"]["infirmary.role"], fine["tags"]["infirmary.saga.attempt"]) == ("consumer", "2")
    assert (failed["tags"]["error"], failed["tags"]["error.type"]) == ("Unlucky", "Unlucky")


def test_a_relays_span_comes_to_zipkin(store: Store) -> None:
    export = relay_export.Export(relay_export.exporter_to("zipkin", f"{store.url}/api/v2/spans"), "ward", NOBODY)
    export.take(sends.Send("send", OWN, PARENT, [PARENT], {"a": 1}, BEGUN_NS, BEGUN_NS + 7000, "returned"))
    export.close()
    [sent] = store.spans()
    assert (sent["kind"], sent["parentId"], sent["tags"]["infirmary.role"]) == ("CLIENT", PARENT[36:52], "relay")


@pytest.mark.parametrize("module", [span_export, relay_export])
def test_otlp_is_sent_where_collectors_take_it(store: Store, module: Any) -> None:
    exporter = module.exporter_to("otlp", store.url)
    if module is span_export:
        export = span_export.Export(exporter, "ward", "api", NOBODY)
        export.take(span())
    else:
        relays = relay_export.Export(exporter, "ward", NOBODY)
        relays.take(sends.Send("send", OWN, None, [PARENT], {}, BEGUN_NS, BEGUN_NS, None))
        export = relays  # type: ignore[assignment]
    export.close()
    [(path, body)] = store.requests
    assert path == "/v1/traces"
    assert bytes.fromhex(TRACE) in body


def test_a_store_that_is_away_is_told_once_and_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    port = free_port()
    dropped: list[int] = []
    exporter = span_export.exporter_to("zipkin", f"http://127.0.0.1:{port}")
    export = span_export.Export(exporter, "ward", "consumer", dropped.append)
    export.take(span())
    wait_for(lambda: dropped == [1])
    export.take(span())
    wait_for(lambda: dropped == [1, 1])
    store = Store(port)
    export.take(span())
    wait_for(store.spans)
    export.close()
    store.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "2 spans were dropped" in caplog.text


@pytest.mark.parametrize("module", [span_export, relay_export])
def test_what_waits_is_bounded_and_what_is_too_much_is_dropped_and_counted(module: Any) -> None:
    dropped: list[int] = []
    exporter = module.exporter_to("zipkin", "http://127.0.0.1:9")
    if module is span_export:
        export: Any = span_export.Export(exporter, "ward", "consumer", dropped.append)
        told: Any = span()
    else:
        export = relay_export.Export(exporter, "ward", dropped.append)
        told = sends.Send("send", OWN, None, [], {}, BEGUN_NS, BEGUN_NS, None)
    for _ in range(20_000):
        export.take(told)
    wait_for(lambda: sum(dropped) == 20_000)
    export.close()


@pytest.mark.parametrize("start", ["infirmary.processes", "infirmary.consumer.loop", "infirmary_relay.running"])
def test_nothing_of_it_is_imported_unless_it_is_asked_for(start: str) -> None:
    code = f"import sys, {start}; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "relay")))
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, check=False)
    assert ended.returncode == 0
