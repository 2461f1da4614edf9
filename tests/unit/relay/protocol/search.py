"""How long hypothesis plays, and how it looks for what was planted."""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.relay.protocol.machine import Protocol
from tests.unit.relay.protocol.violations import ProtocolViolation

SETTINGS = settings(max_examples=50, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck))
_UNTIL_FOUND = settings(SETTINGS, max_examples=5000, phases=[Phase.generate], database=None)
_SEARCHES = 10


def keeps_its_promises(protocol: type[Protocol]) -> None:
    """Plays, and raises what goes wrong."""
    run_state_machine_as_test(protocol, settings=SETTINGS)


def is_found(violation: str, protocol: type[Protocol]) -> bool:
    """Whether a violation comes up when hypothesis searches in one order or another: one bug has several symptoms."""
    return any(violation in _first_violation(protocol, search) for search in range(_SEARCHES))


def _first_violation(protocol: type[Protocol], search: int) -> str:
    with pytest.raises(ProtocolViolation) as caught:
        run_state_machine_as_test(seed(search)(protocol), settings=_UNTIL_FOUND)
    return str(caught.value)
