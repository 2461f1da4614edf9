"""docs/restore.md tells for Kubernetes what the drill on a cluster does."""

from pathlib import Path

import pytest

from local.topology import SERVICES
from tests.cluster.machinery import COMMANDS, given

PAGE = (Path(__file__).resolve().parents[3] / "docs/restore.md").read_text()
PATIENT = next(service for service in SERVICES if service.name == "patient")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_the_drill_gives_is_in_the_page(command: str) -> None:
    assert given(command, PATIENT) in PAGE
