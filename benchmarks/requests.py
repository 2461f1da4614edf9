"""Benchmark: POST /prescriptions at saturation, beside the same without a database and with a plain ORM."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks import machine
from benchmarks.http_load import Answered, post_for
from benchmarks.options import Options
from benchmarks.results import Kind, Results, percentile
from benchmarks.testbed import Testbed, apart
from local.ports import LOOPBACK, free_port
from local.process import Process
from local.readiness import wait_until_ready
from local.rundir import REPOSITORY

TITLE = "Requests: POST /prescriptions at saturation, one process of 8 threads each"
_CLIENTS = 8
_START_DEADLINE_S = 60.0
_SERVICE = "prescription"
WAYS: Sequence[tuple[str, Kind, Sequence[str]]] = (
    ("Flask without a database", "ceiling", ("-m", "benchmarks.plain_app", "none")),
    ("Flask and SQLAlchemy's ORM, no outbox", "baseline", ("-m", "benchmarks.plain_app", "orm")),
    ("the service: validated, traced, counted, with its outbox", "ours", ("-m", "services", _SERVICE, "api")),
)


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Posts to each application in turns, by eight clients and by one."""
    rounds, for_s = (1, 2.0) if options.quick else (5, 8.0)
    results.remark("Clients, application and PostgreSQL share the cores. p99 is that of 8 clients.")
    with testbed.prescription_database() as (url, patient_id):
        body = {"patient_id": str(patient_id), "medication_code": "aspirin-100", "quantity": 1}
        for _ in range(options.rounds(rounds)):
            for name, kind, command in WAYS:
                with serving(testbed, url, command) as api:
                    address = api.address
                    apart(post_for, address, body, _CLIENTS, 1.0)  # connections are open and statements prepared
                    many: Answered = apart(post_for, address, body, _CLIENTS, for_s)
                    alone: Answered = apart(post_for, address, body, 1, for_s / 2)
                results.note(name, many.requests_per_s, "requests/s", kind=kind)
                results.note(f"{name}, p99", percentile(many.delays_ms, 0.99), "ms", kind=kind)
                results.note(f"{name}, p50 of one client", percentile(alone.delays_ms, 0.5), "ms", kind=kind)


@dataclass(frozen=True)
class Serving:
    """An application that runs."""

    address: str
    """Where to post to."""

    pid: int

    @property
    def cpu_s(self) -> float:
        """The processor time that it has used, in all its processes."""
        return machine.family_cpu_s(self.pid)


@contextmanager
def serving(testbed: Testbed, url: str, command: Sequence[str], **more: str) -> Iterator[Serving]:
    """Runs an application, with further settings."""
    port, metrics_port = free_port(), free_port()
    settings: Mapping[str, str] = {
        "DATABASE_URL": url,
        "HTTP_PORT": str(port),
        "METRICS_PORT": str(metrics_port),
        "LOG_LEVEL": "WARNING",
        "HTTP_CALLER_REQUESTS_PER_S": "100000",  # all come from one: counted, and never too many
    }
    log_path = testbed.logs / "api.log"
    process = Process(
        "api",
        [sys.executable, *command],
        log_path,
        environment={**os.environ, **settings, **more},
        working_dir=REPOSITORY,
    )
    process.start()
    try:
        wait_until_ready({"api": metrics_port}, _START_DEADLINE_S)
        yield Serving(f"http://{LOOPBACK}:{port}/prescriptions", process.pid or 0)
    finally:
        process.stop()
