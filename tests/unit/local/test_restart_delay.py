"""How long a supervisor waits before it starts a process again."""

from hypothesis import given
from hypothesis import strategies as st

from local.supervisor import restart_delay_s

FAILURES = st.integers(min_value=0, max_value=500)
EXIT_CODES = st.integers(min_value=-64, max_value=255)


@given(EXIT_CODES)
def test_the_first_restart_is_at_once(exit_code: int) -> None:
    assert restart_delay_s(0, exit_code) == 0


@given(FAILURES, EXIT_CODES)
def test_the_delay_grows_to_five_seconds_and_no_further(failures: int, exit_code: int) -> None:
    assert 0 <= restart_delay_s(failures, exit_code) <= restart_delay_s(failures + 1, exit_code) <= 5


@given(FAILURES)
def test_a_process_that_was_killed_is_back_within_two_seconds_however_often(failures: int) -> None:
    assert restart_delay_s(failures, -9) <= 1


def test_a_process_that_keeps_failing_waits_five_seconds() -> None:
    assert restart_delay_s(10, 1) == 5
