"""The master of an API has none of the service's code that a reload is to read anew."""

import subprocess
import sys

import pytest

from local.rundir import REPOSITORY
from local.topology import SERVICES

LOADED = """
import sys
from infirmary.command import of_service
of_service(sys.argv[1])
print(*sorted(m for m in sys.modules if m.startswith("services.") and m.rpartition(".")[2] in ("store", "tables")))
"""


# Chart's rebuild is made of its tables; its API is reloaded by new pods.
@pytest.mark.parametrize("service", [service.name for service in SERVICES if service.name != "chart"])
def test_its_commands_alone_bring_no_tables_and_no_statements(service: str) -> None:
    command = [sys.executable, "-c", LOADED, service]
    assert subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout == "\n"
