"""All servers and all processes together, with stand-ins for the services, and the command line's `up` and `down`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from local.errors import LocalError
from local.hospital import running_hospital
from local.rundir import REPOSITORY, RunDir
from local.topology import PROCESSES, Service
from tests.integration.local.waiting import eventually, is_gone

SERVER_PROCESSES = 5
"""Of PostgreSQL, MongoDB, the provider of identities, and RabbitMQ, which has two."""

STAND_IN = str(Path(__file__).with_name("stand_in.py"))


def stand_in(service: Service, role: str) -> list[str]:
    return [sys.executable, STAND_IN, service.name, role]


def test_a_hospital_starts_heals_a_killed_process_and_leaves_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    with running_hospital(tmp_path, announce=said.append, command=stand_in) as hospital:
        assert RunDir(tmp_path).read_environment() == hospital.env
        psycopg.connect(hospital.env["WARD_DATABASE_URL"]).close()
        relay = hospital.process("patient", "relay")
        pid = relay.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: relay.pid not in (None, pid))
        hospital.wait_until_ready()
        server_pid = hospital.servers.postgres.processes[0].pid
        hospital.servers.postgres.processes[0].crash()
        assert eventually(lambda: hospital.servers.postgres.processes[0].pid not in (None, server_pid))
        hospital.servers.postgres.wait_until_ready()
        pids = list(RunDir(tmp_path).recorded().values())
        assert len(pids) == len(PROCESSES) + SERVER_PROCESSES
        with pytest.raises(LocalError, match="is running in"), running_hospital(tmp_path, command=stand_in):
            pass
    assert all(map(is_gone, pids))
    assert not RunDir(tmp_path).environment_file.exists()
    assert any(f"{len(PROCESSES)} of {len(PROCESSES)}" in line for line in said)


LAUNCHER = """
import signal, sys
from pathlib import Path
from local.hospital import running_hospital
folder, stand_in = sys.argv[1:]
with running_hospital(Path(folder), command=lambda service, role: [sys.executable, stand_in, service.name, role]):
    print("ready", flush=True)
    signal.pause()
"""


def test_nothing_outlives_a_killed_launcher_and_the_next_one_starts_in_its_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path), STAND_IN]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "ready\n"
        pids = list(RunDir(tmp_path).recorded().values())
        launcher.kill()
    assert len(pids) == len(PROCESSES) + SERVER_PROCESSES
    assert eventually(lambda: all(map(is_gone, pids)), deadline_s=30)
    with running_hospital(tmp_path, command=stand_in) as hospital:
        psycopg.connect(hospital.env["CHART_DATABASE_URL"]).close()
