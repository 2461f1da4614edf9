"""How long it takes from the healing of a fault until every message written before has left its outbox."""

from collections.abc import Sequence
from statistics import median

from tests.chaos.history import InjectedFault, Sample


def recovery_times_s(injected: Sequence[InjectedFault], samples: Sequence[Sample]) -> list[float]:
    """Returns one time for each moment at which the last fault in force was healed.

    A recovery that the next fault interrupts is left out: nobody knows how long it would have taken.
    """
    times: list[float] = []
    for healed_s in _calm_from(injected):
        interrupted_s = min((each.began_s for each in injected if each.began_s >= healed_s), default=float("inf"))
        recovered_s = next((each.at_s for each in samples if each.at_s >= healed_s and _is_past(each, healed_s)), None)
        if recovered_s is not None and recovered_s < interrupted_s:
            times.append(recovered_s - healed_s)
    return times


def summary(times_s: Sequence[float]) -> tuple[float, float] | None:
    """Returns the median and the longest, None without any."""
    return (median(times_s), max(times_s)) if times_s else None


def _calm_from(injected: Sequence[InjectedFault]) -> list[float]:
    """Returns the moments of a healing after which no other fault was in force."""
    return sorted(
        fault.healed_s
        for fault in injected
        if not any(other.began_s <= fault.healed_s < other.healed_s for other in injected)
    )


def _is_past(sample: Sample, healed_s: float) -> bool:
    return sample.seen and (sample.oldest_s is None or sample.oldest_s > healed_s)
