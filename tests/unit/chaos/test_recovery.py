"""Recovery: from the healing of the last fault in force until everything written before it has left."""

from tests.chaos.checker.recovery import recovery_times_s, summary
from tests.chaos.history import InjectedFault, Sample


def fault(began_s: float, healed_s: float) -> InjectedFault:
    return InjectedFault("some fault", "somebody", began_s, healed_s)


def test_it_ends_when_nothing_waits_that_was_written_before_the_healing() -> None:
    samples = [Sample(9.5, None), Sample(10.1, 9.0), Sample(10.4, 9.9), Sample(10.7, 10.2), Sample(11.0, None)]
    assert recovery_times_s([fault(5, 10)], samples) == [10.7 - 10]


def test_an_outbox_that_cannot_be_looked_at_is_not_empty() -> None:
    assert recovery_times_s([fault(5, 10)], [Sample(10.5, None, seen=False), Sample(11.0)]) == [1.0]


def test_a_healing_while_another_fault_is_in_force_is_no_recovery() -> None:
    assert recovery_times_s([fault(5, 10), fault(8, 12)], [Sample(10.5), Sample(12.5)]) == [0.5]


def test_a_recovery_that_the_next_fault_interrupts_is_left_out() -> None:
    assert recovery_times_s([fault(5, 10), fault(11, 12)], [Sample(10.5, 9.0), Sample(12.25)]) == [0.25]


def test_a_recovery_that_never_ends_gives_no_time() -> None:
    assert recovery_times_s([fault(5, 10)], [Sample(10.5, 9.0)]) == []
    assert summary([]) is None


def test_the_summary_is_the_median_and_the_longest() -> None:
    assert summary([0.25, 3.0, 0.5]) == (0.5, 3.0)
