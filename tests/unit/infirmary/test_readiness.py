"""A process tells by its metrics what it tells on /readyz, and every reason is there from the start."""

import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from infirmary import __version__
from infirmary.observing import health
from infirmary.observing.health import Liveness, Reason
from infirmary.observing.readiness import ProcessProblem
from infirmary.settings import InvalidConfiguration
from local.ports import LOOPBACK, free_port
from local.rundir import REPOSITORY


@contextmanager
def serving(liveness: Liveness) -> Iterator[str]:
    port = free_port()
    health.serve(liveness, health.listen(LOOPBACK, port))
    yield f"http://{LOOPBACK}:{port}"


def get(url: str) -> tuple[int, str]:
    answer = httpx.get(url, timeout=5)
    return answer.status_code, answer.text


def test_what_readyz_says_is_what_the_metrics_say() -> None:
    liveness = Liveness()
    with serving(liveness) as url:
        assert 'infirmary_not_ready{reason="starting"} 1.0' in get(f"{url}/metrics")[1]
        liveness.beat(ProcessProblem(Reason.BROKER_AWAY, "nobody listens"))
        assert get(f"{url}/readyz") == (503, "nobody listens\n")
        lines = get(f"{url}/metrics")[1].splitlines()
        reasons = [line for line in lines if line.startswith("infirmary_not_ready{")]
        assert "infirmary_ready 0.0" in lines
        assert len(reasons) == len(liveness.reasons)
        assert [line for line in reasons if line.endswith(" 1.0")] == ['infirmary_not_ready{reason="broker_away"} 1.0']
        liveness.beat()
        assert (get(f"{url}/readyz")[0], "infirmary_ready 1.0" in get(f"{url}/metrics")[1]) == (200, True)


def test_a_loop_that_hangs_is_seen_at_the_scrape() -> None:
    liveness = Liveness(stuck_after_s=0.0)
    with serving(liveness) as url:
        liveness.beat()
        assert get(f"{url}/healthz")[0] == 503
        assert 'infirmary_not_ready{reason="loop_hangs"} 1.0' in get(f"{url}/metrics")[1]


def test_there_is_nothing_else_on_the_port_of_the_metrics() -> None:
    with serving(Liveness()) as url:
        assert get(f"{url}/")[0] == get(f"{url}/metrics/x")[0] == 404


def test_the_build_that_is_shown_is_the_projects() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]
    with serving(Liveness()) as url:
        assert f'version="{__version__}"' in get(f"{url}/metrics")[1]


def test_what_only_another_process_can_mend_is_no_life_until_it_is_over() -> None:
    liveness = Liveness()
    with serving(liveness) as url:
        liveness.beat(ProcessProblem(Reason.STALLED, "ward.events stands still"))
        assert (get(f"{url}/healthz")[0], get(f"{url}/readyz")[0]) == (200, 503)
        liveness.beat(ProcessProblem(Reason.STALLED, "ward.events stands still"), wants_restart=True)
        assert get(f"{url}/healthz") == (503, "ward.events stands still\n")
        assert 'infirmary_not_ready{reason="stalled"} 1.0' in get(f"{url}/metrics")[1]
        liveness.beat()
        assert get(f"{url}/healthz")[0] == 200


def test_what_starts_every_process_brings_no_series_of_a_consumer() -> None:
    """A timestamp of 0 that nobody will ever set would be taken for a consumer that hangs."""
    look = "import sys, services.__main__; sys.exit('infirmary.observing.metrics' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], cwd=REPOSITORY, check=False).returncode == 0


def test_a_port_that_another_process_keeps_ends_the_process_with_a_line_that_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TAKEN_FOR_S", 0.0)
    port = free_port()
    with socket.create_server((LOOPBACK, port)), pytest.raises(InvalidConfiguration) as ended:
        health.listen(LOOPBACK, port)
    assert ended.value.code == 2
    assert f"METRICS_PORT: {LOOPBACK}:{port} cannot be had" in capsys.readouterr().err


def test_a_client_that_falls_silent_leaves_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health._Silent, "timeout", 0.2)
    port = free_port()
    health.serve(Liveness(), health.listen(LOOPBACK, port))
    with socket.create_connection((LOOPBACK, port), timeout=5) as client:
        client.sendall(b"GET /met")
        assert client.recv(1024) == b""
    assert capsys.readouterr().err == ""
