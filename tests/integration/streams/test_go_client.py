"""RabbitMQ's client in Go reads what is written here, and is read."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from infirmary_streams.received import Received, received
from tests.integration.streams.client import Client
from tests.integration.streams.node import StreamNode
from tests.integration.streams.test_amqp_0_9_1 import BODY, SEQUENCE, WRITTEN, written

SOURCE = Path(__file__).parents[2] / "interop" / "streams"
BUILDING_S = 240

Run = Callable[[str, str, int], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client in Go, built."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go")
    program = tmp_path_factory.mktemp("go") / "streams"
    try:
        built = subprocess.run(
            [go, "build", "-o", program, "."],
            cwd=SOURCE,
            timeout=BUILDING_S,
            check=False,
            capture_output=True,
            text=True,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the modules for Go did not come within {BUILDING_S} s")
    if built.returncode and "main.go" not in built.stderr:
        pytest.skip(f"the modules for Go are not to be had: {built.stderr.strip()[-200:]}")
    assert not built.returncode, built.stderr
    return program


@pytest.fixture
def run(program: Path, node: StreamNode) -> Run:
    """Runs it, and returns what it prints."""
    at = node.address()
    account = f"{at.user}:{quote(at.password, safe='')}"
    url = f"rabbitmq-stream://{account}@{at.host}:{at.port}/{at.virtual_host}"

    def run(what: str, log: str, count: int) -> list[dict[str, Any]]:
        done = subprocess.run(
            [program, what, url, log, str(count)], timeout=60, check=False, capture_output=True, text=True
        )
        assert not done.returncode, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_the_client_in_go_reads_what_is_written_here(run: Run, client: Client, log: str) -> None:
    client.write(log, written(), written())
    expected = {
        "message_id": WRITTEN["message_id"],
        "correlation_id": WRITTEN["correlation_id"],
        "content_type": "application/json",
        "timestamp": int(WRITTEN["time"].timestamp()),
        "group": "ward",
        "headers": {
            "x-basic-type": "BedReserved",
            "x-basic-app-id": "ward",
            "sequence": SEQUENCE,
            "parts": 4,
            "time": WRITTEN["time"].isoformat(timespec="microseconds"),
            **{key: WRITTEN[key] for key in ("subject", "dataschema", "traceparent", "tracestate", "causation_id")},
        },
        "annotations": {"x-basic-delivery-mode": "2", "x-basic-type": "BedReserved"},
        "body": BODY.decode(),
    }
    for message in run("read", log, 2):
        message["annotations"].pop("x-stream-offset", None)
        assert message == expected


def test_what_the_client_in_go_writes_is_read_here(run: Run, client: Client, log: str) -> None:
    run("write", log, 50)
    for at, message in enumerate(client.read(log, 50)):
        assert received(message) == Received(
            {
                "message_id": f"m-{at}",
                "correlation_id": "c-1",
                "content_type": "text/plain",
                "timestamp": 1_700_000_000,
                "type": "Something",
                "app_id": "stranger",
                "application_headers": {"text": "ä", "at": at, "real": 1.5, "yes": True},
            },
            b"body %d" % at,
        )
