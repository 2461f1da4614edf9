"""When a connection has to say that it lives, and when the other side has been silent for too long. Pure."""

from typing import Final

HEARTBEAT_S: Final = 10
"""As is agreed with the broker, by either protocol: each side says something at least so often."""


class Heartbeats:
    """The two clocks of one connection; times are of one monotonic clock, in seconds.

    Attributes:
        longest_silence_s: After so long without a word the other side is given up.
    """

    def __init__(self, every_s: float, now: float) -> None:
        """Takes how often either side has promised to say something."""
        self._pause_s = every_s / 2  # so that one may be late
        self.longest_silence_s = 2 * every_s
        self._wrote_at = self._heard_at = now

    def wrote(self, now: float) -> None:
        """Notes that something was said."""
        self._wrote_at = now

    def heard(self, now: float) -> None:
        """Notes that something has come."""
        self._heard_at = now

    def is_due(self, now: float) -> bool:
        """Whether it is time to say that this side lives."""
        return now - self._wrote_at > self._pause_s

    def has_missed(self, now: float) -> bool:
        """Whether the other side has been silent for too long."""
        return now - self._heard_at > self.longest_silence_s
