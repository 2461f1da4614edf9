"""The pause before something is tried again. Pure."""

FIRST_S = 0.1
LONGEST_S = 30.0


def pause_s(attempts: int, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> float:
    """Returns the pause after the given number of failed attempts: 100 ms, doubled each time, 30 s at the most."""
    return float(min(first_s * 2 ** min(max(attempts - 1, 0), 32), longest_s))
