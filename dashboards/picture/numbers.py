"""Values as people read them, the colours that they have, and the ticks of an axis."""

import math
from typing import Final

from dashboards.model import Limits, Unit
from dashboards.picture.paper import AMBER, BLUE, GREEN, RED

_NOTHING: Final = 1e-9
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


def shown(value: float, unit: Unit) -> str:
    """Returns a value with its unit."""
    if unit is Unit.SECONDS:
        return _duration(value)
    if unit is Unit.SHARE:
        return f"{_plain(100 * value)} %"
    per_second = unit in {Unit.MESSAGES_PER_SECOND, Unit.REQUESTS_PER_SECOND, Unit.PER_SECOND}
    return f"{_plain(value)}/s" if per_second else _plain(value)


def color(value: float, limits: Limits) -> str:
    """Returns green, amber or red, or blue where no value is bad by itself."""
    if limits.amber is None and limits.red is None:
        return BLUE
    if _is_bad(value, limits.red, limits.below):
        return RED
    return AMBER if _is_bad(value, limits.amber, limits.below) else GREEN


def ticks(highest: float) -> list[float]:
    """Returns the marks of an axis from 0 on: three to five, at round numbers, the last one at or above the highest."""
    if highest < _NOTHING:
        return [0.0, 1.0]
    rough = highest / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(each * magnitude for each in _STEPS if each * magnitude >= rough * 0.999)
    return [at * step for at in range(math.ceil(highest / step - 1e-9) + 1)]


def _is_bad(value: float, limit: float | None, below: bool) -> bool:
    if limit is None:
        return False
    return value < limit if below else value >= limit


def _duration(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    if abs(seconds) < 1:
        return f"{_plain(1000 * seconds)} ms"
    return f"{_plain(seconds)} s" if abs(seconds) < 120 else f"{_plain(seconds / 60)} min"


def _plain(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 10 else f"{value:.3g}"
