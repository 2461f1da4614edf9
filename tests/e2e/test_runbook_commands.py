"""The operator's commands of docs/runbooks.md, given in a hospital where there is something to be looked at."""

import json
import os
import shlex
import subprocess
import sys
from uuid import uuid4

import pytest

from demo.client import Hospital
from local.hospital import Hospital as Machinery
from local.rundir import REPOSITORY
from tests.chaos.nemesis.post import Post
from tests.eventually import eventually
from tests.unit.alerts.test_runbooks import COMMANDS

GIVEN = sorted({command for command in COMMANDS if command.startswith("python -m services ")})
HARMLESS = [command for command in GIVEN if not command.endswith("rebuild")]
OF_ONE_MESSAGE, OF_ONE_SAGA = "<number>", "<saga id>"
OF_GAPS = [command for command in GIVEN if "parked skip" in command]
OF_POISON = sorted(
    (command for command in GIVEN if OF_ONE_MESSAGE in command and command not in OF_GAPS),
    key=lambda command: "discard" in command,
)


def give(machinery: Machinery, command: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    prefix = words[3].upper()
    url = machinery.env.get(f"{prefix}_CONSUMER_DATABASE_URL", machinery.env[f"{prefix}_DATABASE_URL"])
    return subprocess.run(
        [sys.executable, *words[1:]],
        env={**os.environ, "DATABASE_URL": url},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def parked(machinery: Machinery) -> set[str]:
    """The numbers of what billing has parked."""
    listed = json.loads(give(machinery, "python -m services billing parked list --json").stdout)
    return {str(each["id"]) for each in listed}


def held_by_billing(machinery: Machinery, sequence: int) -> str:
    """The number of a message that nobody can apply, sent to billing with this sequence of a new subject."""
    before = parked(machinery)
    with Post(machinery.env["RABBITMQ_URL"]) as post:
        post.command("admission.to.billing", "Nonsense", str(uuid4()), sequence, b"\x00 this is not JSON")
    (number,) = eventually(lambda: parked(machinery) - before, because="billing holds it", within_s=60)
    return number


@pytest.fixture
def poison(machinery: Machinery) -> str:
    """The number of a message that billing has just parked."""
    return held_by_billing(machinery, sequence=1)


@pytest.fixture
def waiting(machinery: Machinery) -> str:
    """The number of a message that waits for two that will never come."""
    return held_by_billing(machinery, sequence=3)


@pytest.fixture(scope="module")
def saga(machinery: Machinery, hospital: Hospital) -> str:
    """A saga that has ended."""
    admission = hospital.admit(hospital.patient(), hospital.ward(beds=1))
    hospital.eventually(admission.has_ended, because="its saga ends")
    listed = give(machinery, "python -m services admission sagas list --json").stdout
    return str(json.loads(listed)[0]["saga_id"])


@pytest.mark.parametrize("command", [command for command in HARMLESS if "<" not in command])
def test_a_command_that_looks_succeeds(machinery: Machinery, command: str) -> None:
    done = give(machinery, command)
    assert done.returncode == 0, done.stderr


def test_a_parked_message_is_shown_tried_again_and_given_up(machinery: Machinery, poison: str) -> None:
    for command in OF_POISON:
        done = give(machinery, command.replace(OF_ONE_MESSAGE, poison))
        assert done.returncode == 0, done.stderr
    eventually(lambda: poison not in parked(machinery), because="it is given up")


def test_a_message_behind_a_gap_is_gone_on_with(machinery: Machinery, waiting: str) -> None:
    (command,) = OF_GAPS
    done = give(machinery, command.replace(OF_ONE_MESSAGE, waiting))
    assert done.returncode == 0, done.stderr
    eventually(lambda: state(machinery, waiting) == "parked", because="it is tried, and fails for what it is")
    for given in OF_POISON:
        done = give(machinery, given.replace(OF_ONE_MESSAGE, waiting))
        assert done.returncode == 0, done.stderr


def state(machinery: Machinery, number: str) -> str:
    """What a message is held for."""
    shown = give(machinery, f"python -m services billing parked show {number} --json")
    return str(json.loads(shown.stdout)["state"])


def test_a_saga_is_shown_and_one_that_is_not_parked_cannot_be_resumed(machinery: Machinery, saga: str) -> None:
    given = [command.replace(OF_ONE_SAGA, saga) for command in GIVEN if OF_ONE_SAGA in command]
    for command in given:
        done = give(machinery, command)
        assert (done.returncode == 0) is ("resume" not in command), done.stderr
        assert "Traceback" not in done.stderr
