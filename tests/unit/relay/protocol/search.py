"""How long hypothesis plays, and how it looks for what was planted."""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.relay.protocol.machine import Protocol
from tests.unit.relay.protocol.violations import ProtocolViolation

SETTINGS = settings(max_examples=50, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck))
_UNTIL_FOUND = settings(SETTINGS, max_examples=1000, phases=[Phase.generate], database=None)
_SEARCHES = 50
"""So many that one of them finds what takes 2000 examples on average; a seed alone does not say what a search plays,
because hypothesis draws among the constants of whatever modules the process has loaded by then."""


def keeps_its_promises(protocol: type[Protocol]) -> None:
    """Plays, and raises what goes wrong."""
    run_state_machine_as_test(protocol, settings=SETTINGS)


def is_found(violation: str, protocol: type[Protocol]) -> bool:
    """Whether a violation comes up when hypothesis searches in one order or another: one bug has several symptoms."""
    return any(violation in _first_violation(protocol, search) for search in range(_SEARCHES))


def _first_violation(protocol: type[Protocol], search: int) -> str:
    """What a search comes to first: nothing, if it has not come to any within its examples."""
    try:
        run_state_machine_as_test(seed(search)(protocol), settings=_UNTIL_FOUND)
    except ProtocolViolation as violation:
        return str(violation)
    return ""
