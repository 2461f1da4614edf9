"""What is written into the folder of a run."""

import os
import shlex
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.credentials import Credentials
from local.errors import LocalError
from local.process_identity import identity_of
from local.rundir import RunDir, environment_lines

VALUES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))


def test_a_password_is_made_once_and_kept(tmp_path: Path) -> None:
    password = Credentials(tmp_path / "credentials.json").password("wards")
    again = Credentials(tmp_path / "credentials.json")
    assert again.password("wards") == password
    assert again.password("billing") != password


def test_only_the_owner_can_read_secrets(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    with run_dir.environment_written({"WARD_DATABASE_URL": "postgresql://secret"}):
        assert stat.S_IMODE(run_dir.environment_file.stat().st_mode) == 0o600


@given(VALUES)
def test_a_shell_reads_back_each_line_as_it_was_meant(value: str) -> None:
    (line,) = environment_lines({"NAME": value}).splitlines()
    assert shlex.split(line) == [f"NAME={value}"]


def test_the_environment_is_there_to_read_while_the_hospital_is_ready_and_no_longer(tmp_path: Path) -> None:
    environment = {"A_URL": "http://h?x=1&y=2", "B_URL": "it's"}
    with RunDir(tmp_path).environment_written(environment):
        assert RunDir(tmp_path).read_environment() == environment
    with pytest.raises(LocalError, match="starting or stopping"):
        RunDir(tmp_path).read_environment()


def test_one_hospital_runs_in_a_folder_at_a_time(tmp_path: Path) -> None:
    with RunDir(tmp_path).locked():
        assert RunDir(tmp_path).holder() == os.getpid()
        with pytest.raises(LocalError, match="make down"), RunDir(tmp_path).locked():
            pass
    assert RunDir(tmp_path).holder() is None


def test_a_folder_is_left_without_a_record_of_processes(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    with run_dir.locked():
        run_dir.record({"me": os.getpid()})
        assert run_dir.recorded() == {"me": os.getpid()}
    assert run_dir.recorded() == {}


def test_a_process_has_one_birth_and_no_process_has_none() -> None:
    assert identity_of(os.getpid()) == identity_of(os.getpid())
    assert identity_of(os.getpid()) != identity_of(1)
    assert identity_of(2**22 + 1) is None
