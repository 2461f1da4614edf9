"""The auditor of gaps as a process of its own: its settings, its probes, and what it says of a log it cannot read."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

from audit.broker import Unreadable
from local.ports import LOOPBACK
from tests.chaos.gap_counters import AUDITORS, gap_auditor, gauge
from tests.chaos.nemesis.post import Post
from tests.eventually import eventually
from tests.integration.audit.conftest import declared

LAG, CAUGHT_UP, CONNECTED, UNREAD = (
    "infirmary_gap_auditor_lag_messages",
    "infirmary_gap_auditor_caught_up_timestamp_seconds",
    "infirmary_gap_auditor_connected",
    "infirmary_gap_auditor_unread",
)


NOW = "2026-11-26T05:00:00+00:00"


def answer(port: int, path: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=5) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())
    except OSError:
        return 0, {}


def metrics(port: int) -> bytes:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as response:
        return bytes(response.read())


def not_ready(port: int) -> set[str]:
    return {reason for reason, holds in gauge(port, "infirmary_not_ready").items() if holds}


def unread(port: int, source: str) -> set[str]:
    lines = metrics(port).decode().splitlines()
    mine = [line for line in lines if line.startswith(f'{UNREAD}{{reason="') and f'source="{source}"' in line]
    assert len(mine) == len(Unreadable)
    return {line.split('"')[1] for line in mine if line.endswith(" 1.0")}


def test_it_reads_the_log_of_every_service_that_is_named_and_says_which_it_cannot(
    rabbitmq_url: str, post: Post, tmp_path: Path
) -> None:
    tenth, odd, silent = (f"{name}{uuid4().hex}" for name in ("tenth", "odd", "silent"))
    commands = f"{odd}.to.{tenth}"
    environment = {**os.environ, "SERVICES": f"{tenth},{odd}, {silent}", f"{tenth.upper()}_READS": f"{odd},{commands}"}
    with (
        declared(rabbitmq_url, f"{tenth}.events"),
        declared(rabbitmq_url, commands),
        declared(rabbitmq_url, f"{odd}.events", "classic"),
        gap_auditor(rabbitmq_url, environment, tmp_path / "auditor.log") as port,
    ):
        for sequence in (1, 2, 4):
            post.event(tenth, "a", sequence)
        for sequence in (1, 5):
            post.put(commands, odd, "Do", {"subject": "saga", "sequence": sequence, "time": NOW}, b"{}")
        eventually(lambda: gauge(port, AUDITORS).get(tenth) == 1, because="3 is missing")
        eventually(lambda: gauge(port, AUDITORS).get(commands) == 3, because="2, 3 and 4 are missing")
        eventually(lambda: gauge(port, CAUGHT_UP).get("", 0) > 0, because="it has come to the end")
        assert gauge(port, LAG)[tenth] == 0
        assert (unread(port, odd), unread(port, silent), unread(port, tenth)) == ({"wrong_type"}, {"missing"}, set())
        status, said = answer(port, "/readyz")
        assert (status, said["reasons"]) == (503, [f"{odd}.events cannot be read: wrong_type"])
        assert answer(port, "/healthz") == (200, {"status": "alive"})
        assert answer(port, "/nothing")[0] == 404
        assert "log_unreadable" in not_ready(port)
        if shutil.which("promtool") is not None:
            told = subprocess.run(
                ["promtool", "check", "metrics"], input=metrics(port), check=False, capture_output=True
            )
            assert (told.returncode, told.stdout + told.stderr) == (0, b"")
    assert f"{odd}.events cannot be read: wrong_type" in (tmp_path / "auditor.log").read_text()


def test_without_a_broker_it_lives_says_so_and_ends_at_once_when_told(tmp_path: Path) -> None:
    log = tmp_path / "auditor.log"
    with gap_auditor(f"amqp://a:b@{LOOPBACK}:9/v", os.environ, log) as port:
        eventually(lambda: answer(port, "/readyz")[1].get("reasons") == ["the broker is away"], because="it says so")
        assert answer(port, "/healthz")[0] == 200
        assert gauge(port, CONNECTED) == {"": 0}
        assert not_ready(port) == {"broker_away"}
    assert "Traceback" not in log.read_text()


def test_a_url_that_is_none_ends_it_with_a_sentence(tmp_path: Path) -> None:
    log = tmp_path / "auditor.log"
    with gap_auditor("http://broker", os.environ, log):
        eventually(lambda: "RABBITMQ_URL: should be amqp://" in log.read_text(), because="it says what is wrong")
    assert "Traceback" not in log.read_text()
