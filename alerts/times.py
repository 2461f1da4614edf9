"""Times in a rule's source, `<5m>`: written out for Prometheus, and shortened in proportion for tests."""

import math
import re

SHORTEST_S = 10.0
"""A window or an age is not shortened below this: processes measure some things every five seconds only."""

TIME = re.compile(r"(?P<before>\[|offset )?<(?P<length>(?:\d+[smhd])+)>")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(length: str) -> int:
    """Returns how many seconds a length as Prometheus writes it is, for example 5400 for 1h30m.

    Raises:
        ValueError: It is none.
    """
    parts = re.findall(r"(\d+)([smhd])", length)
    if not parts or "".join(number + unit for number, unit in parts) != length:
        raise ValueError(f"{length!r} is no length of time: write for example 30s, 5m, 7d12h")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def scaled_for(length: str, factor: float) -> str:
    """Returns how long something has to hold before an alert fires, shortened."""
    return length if factor == 1 else f"{math.ceil(seconds(length) * factor)}s"


def written_out(expression: str, factor: float) -> str:
    """Returns the expression with its times shortened: as lengths where Prometheus wants one, else as seconds."""

    def write(found: re.Match[str]) -> str:
        before, length = found["before"] or "", found["length"]
        whole = seconds(length)
        short = whole if factor == 1 else math.ceil(max(min(SHORTEST_S, whole), whole * factor))
        if not before:
            return str(short)
        return before + (length if short == whole else f"{short}s")

    return TIME.sub(write, expression)
