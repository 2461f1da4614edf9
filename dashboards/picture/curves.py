"""Panels over time: lines with their limits, and the heatmap of a histogram."""

from collections.abc import Iterator, Sequence

from dashboards.model import Panel
from dashboards.picture.answers import Answers, Series
from dashboards.picture.numbers import shown, ticks
from dashboards.picture.paper import AMBER, FAINT, GRID, INK, PALETTE, RED, Box, line, rectangle, words
from dashboards.picture.tiles import empty

_LEGEND_COLUMNS = 3
_A_GAP_S = 2.5
"""Between two moments as far from each other nothing is known."""


def lines(panel: Panel, series: Sequence[Series], box: Box, answers: Answers) -> Iterator[str]:
    """Draws each series; those of a second query dashed, in the colours of the first one's."""
    if not series:
        yield from empty(panel, box)
        return
    names = sorted({_who(each) for each in series})
    paint = {name: PALETTE[at % len(PALETTE)] for at, name in enumerate(names)}
    rows = -(-len(names) // _LEGEND_COLUMNS)
    field = box.inside(44, 4, 6, 20 + 14 * rows)
    marks = ticks(max(value for each in series for _, value in each.points))
    yield from _axes(panel, field, marks, answers)
    for limit, limit_color in ((panel.limits.amber, AMBER), (panel.limits.red, RED)):
        if limit is not None and limit <= marks[-1]:
            y = field.bottom - limit / marks[-1] * field.height
            yield line(field.left, y, field.right, y, limit_color, dashed=True)
    for each in series:
        yield _curve(each, field, marks[-1], answers, paint[_who(each)])
    for at, name in enumerate(names):
        x = box.left + 8 + at % _LEGEND_COLUMNS * (box.width / _LEGEND_COLUMNS)
        y = field.bottom + 32 + at // _LEGEND_COLUMNS * 14
        yield rectangle(Box(x, y - 7, 10, 3), paint[name])
        yield words(x + 14, y - 2, name, size=10)


def heatmap(panel: Panel, series: Sequence[Series], box: Box, answers: Answers) -> Iterator[str]:
    """Draws how many messages came in which time: a row for each bucket, darker where there are more."""
    buckets = _buckets(series)
    if not buckets:
        yield from empty(panel, box)
        return
    field = box.inside(44, 4, 6, 20)
    rows = list(buckets)
    most = max(count for counts in buckets.values() for count in counts.values())
    height = field.height / len(rows)
    moments = sorted({at for counts in buckets.values() for at in counts})
    width = field.width / max(len(moments), 1)
    for at, bound in enumerate(rows):
        y = field.bottom - (at + 1) * height
        yield words(field.left - 6, y + 4, _bound(bound, panel), size=10, color=FAINT, anchor="end")
        for moment, count in buckets[bound].items():
            if count > 0:
                place = Box(field.left + answers.at(moment) * field.width, y, width + 0.4, height - 1)
                yield rectangle(place, "#c2410c").replace("/>", f' fill-opacity="{(count / most) ** 0.5:.2f}"/>')
    yield from _times(field, answers)


def _who(series: Series) -> str:
    return series.labels.get("service") or series.name


def _buckets(series: Sequence[Series]) -> dict[float, dict[float, float]]:
    """Returns what came in each bucket alone at each moment, from the first bucket that has something to the last."""
    cumulative = {float(each.labels["le"]): dict(each.points) for each in series}
    below: dict[float, float] = {}
    alone: dict[float, dict[float, float]] = {}
    for bound in sorted(cumulative):
        alone[bound] = {at: max(count - below.get(at, 0.0), 0.0) for at, count in cumulative[bound].items()}
        below = cumulative[bound]
    filled = [bound for bound, counts in alone.items() if any(counts.values())]
    return {bound: alone[bound] for bound in alone if filled and filled[0] <= bound <= filled[-1]}


def _bound(bound: float, panel: Panel) -> str:
    return "more" if bound == float("inf") else shown(bound, panel.unit)


def _curve(series: Series, field: Box, top: float, answers: Answers, paint: str) -> str:
    path: list[str] = []
    before = 0.0
    for at, value in series.points:
        x, y = field.left + answers.at(at) * field.width, field.bottom - min(value / top, 1) * field.height
        path.append(f"{'L' if at - before < _A_GAP_S else 'M'}{x:.1f} {y:.1f}")
        before = at
    drawn, dashes = " ".join(path), ' stroke-dasharray="2 2"' if series.query else ""
    return f'<path d="{drawn}" fill="none" stroke="{paint}" stroke-width="1.4"{dashes}/>'


def _axes(panel: Panel, field: Box, marks: Sequence[float], answers: Answers) -> Iterator[str]:
    for mark in marks:
        y = field.bottom - mark / marks[-1] * field.height
        yield line(field.left, y, field.right, y, GRID)
        yield words(field.left - 6, y + 4, shown(mark, panel.unit), size=10, color=FAINT, anchor="end")
    yield from _times(field, answers)


def _times(field: Box, answers: Answers) -> Iterator[str]:
    """Draws the axis of time in seconds since the beginning, and who was started again when."""
    yield line(field.left, field.bottom, field.right, field.bottom, INK)
    span = answers.to_s - answers.from_s
    marks = ticks(span)
    for mark in marks:
        if mark > 0.97 * span:
            break
        yield words(field.left + mark / span * field.width, field.bottom + 14, f"{mark:.0f} s", size=10, color=FAINT,
                    anchor="middle")  # fmt: skip
    for at, _ in answers.started:
        x = field.left + answers.at(at) * field.width
        yield line(x, field.top, x, field.bottom, INK, dashed=True)
