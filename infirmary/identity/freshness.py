"""How old the provider's keys are, as metrics.

Nothing of cryptography is needed for them: they are there where nobody is asked for a token, too.
"""

from typing import Final

from prometheus_client import Gauge

_FETCHED: Final = Gauge(
    "infirmary_identity_keys_fetched_timestamp_seconds",
    "How old are the provider's keys? When they were fetched last, in unix time; 0 before the first time, and where"
    " nobody is asked who he is.",
)
_FAILING: Final = Gauge(
    "infirmary_identity_keys_failing_timestamp_seconds",
    "Since when can the provider's keys not be fetched? The first time of those that failed since the last good one,"
    " in unix time; 0 while it answers.",
)


class Freshness:
    """What became of the attempts to fetch keys."""

    def __init__(self) -> None:
        self._fails = False

    def fetched(self) -> None:
        """Notes that they were."""
        self._fails = False
        _FETCHED.set_to_current_time()
        _FAILING.set(0)

    def failed(self) -> None:
        """Notes that they were not."""
        if not self._fails:
            _FAILING.set_to_current_time()
        self._fails = True
