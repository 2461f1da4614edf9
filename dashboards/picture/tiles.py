"""Panels that are one value, or several: tiles, the gauge, the table."""

import math
from collections.abc import Iterator, Sequence

from dashboards.asking import Points
from dashboards.model import Panel, Unit
from dashboards.picture.answers import Answers, Series
from dashboards.picture.numbers import color, shown
from dashboards.picture.paper import FAINT, GREEN, GRID, INK, Box, rectangle, words

_MOST = 4
_STEPS_LATE_S = 2.5


def stat(panel: Panel, series: Sequence[Series], box: Box, answers: Answers) -> Iterator[str]:
    """Draws the newest values large, and the way to the first one small below it."""
    newest = _at_the_end(series, answers)
    if not newest:
        yield from empty(panel, box)
        return
    shares = newest[:_MOST]
    width = box.width / len(shares)
    for at, each in enumerate(shares):
        place = Box(box.left + at * width, box.top, width, box.height)
        value = each.points[-1][1]
        middle = place.left + place.width / 2
        paint = color(value, panel.limits)
        if panel.unit is Unit.SECONDS:
            yield from _history(panel, _worst(panel, series, each), place, answers)
        size = 30 if len(shares) == 1 else 22
        yield words(middle, place.top + place.height * 0.42, shown(value, panel.unit), size=size, color=paint,
                    anchor="middle", bold=True)  # fmt: skip
        yield words(middle, place.top + place.height * 0.42 + 16, each.name, size=11, color=FAINT, anchor="middle")


def gauge(panel: Panel, series: Sequence[Series], box: Box, _: Answers) -> Iterator[str]:
    """Draws a half circle from -1 to 1."""
    if not series:
        yield from empty(panel, box)
        return
    value = series[0].points[-1][1]
    middle, floor = box.left + box.width / 2, box.top + box.height * 0.78
    radius = min(box.width / 2.4, box.height * 0.62)
    paint = color(value, panel.limits)
    yield _arc(middle, floor, radius, 1.0, GRID)
    yield _arc(middle, floor, radius, (max(min(value, 1.0), -1.0) + 1) / 2, paint)
    yield words(middle, floor - 6, shown(value, panel.unit), size=26, color=paint, anchor="middle", bold=True)
    yield words(middle - radius, floor + 18, "-100 %", color=FAINT, anchor="middle")
    yield words(middle + radius, floor + 18, "100 %", color=FAINT, anchor="middle")


def table(panel: Panel, series: Sequence[Series], box: Box, answers: Answers) -> Iterator[str]:
    """Draws a row for each alert that fires at the end."""
    firing = _at_the_end(series, answers)
    if not firing:
        yield from empty(panel, box)
        return
    for at, each in enumerate(firing):
        whom = " ".join(each.labels.get(label, "") for label in ("service", "channel", "log", "saga"))
        yield words(box.left + 8, box.top + 18 * (at + 1), each.labels["alertname"], bold=True)
        yield words(box.left + box.width / 2, box.top + 18 * (at + 1), whom, color=FAINT)


def empty(panel: Panel, box: Box) -> Iterator[str]:
    """Says why there is nothing."""
    paint = GREEN if panel.nothing else GRID
    yield rectangle(Box(box.left + box.width / 2 - 5, box.top + box.height / 2 - 24, 10, 10), paint, round_by=5)
    yield words(box.left + box.width / 2, box.top + box.height / 2 + 6, panel.nothing or "no data", anchor="middle",
                color=INK)  # fmt: skip


def _at_the_end(series: Sequence[Series], answers: Answers) -> list[Series]:
    last = max((each.points[-1][0] for each in series), default=0.0)
    return [each for each in series if each.points[-1][0] == last and last > answers.to_s - _STEPS_LATE_S]


def _worst(panel: Panel, series: Sequence[Series], newest: Series) -> Points:
    """Whose the greatest value is may change from moment to moment; what is drawn then is the greatest of each."""
    if not panel.queries[0].expression.startswith("topk"):
        return newest.points
    highest: dict[float, float] = {}
    for each in series:
        for at, value in each.points:
            highest[at] = max(value, highest.get(at, value))
    return sorted(highest.items())


def _history(panel: Panel, history: Points, place: Box, answers: Answers) -> Iterator[str]:
    """Draws how it came to this, and the worst of it."""
    worst = max(value for _, value in history)
    if worst <= 0:
        return
    field = place.inside(4, place.height * 0.7, 4, 0)
    at = [(field.left + answers.at(when) * field.width, field.bottom - value / worst * field.height)
          for when, value in history]  # fmt: skip
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(at[0][0], field.bottom), *at, (at[-1][0], field.bottom)])
    yield f'<polygon points="{path}" fill="{color(worst, panel.limits)}" fill-opacity="0.3"/>'
    yield words(
        place.right - 2,
        place.top + place.height * 0.42,
        f"at most {shown(worst, panel.unit)}",
        size=10,
        color=FAINT,
        anchor="end",
    )


def _arc(x: float, y: float, radius: float, share: float, paint: str) -> str:
    angle = math.pi * (1 - share)
    to_x, to_y = x + radius * math.cos(angle), y - radius * math.sin(angle)
    path = f"M {x - radius:.1f} {y:.1f} A {radius:.1f} {radius:.1f} 0 0 1 {to_x:.1f} {to_y:.1f}"
    return f'<path d="{path}" fill="none" stroke="{paint}" stroke-width="16"/>'
