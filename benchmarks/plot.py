"""Bars with their noise, as SVG by hand: one for each figure of a unit."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.results import number

_WIDTH, _ROW, _LABELS, _BARS = 900, 30, 350, 470
_COLOURS = {"ours": "#1f77b4", "baseline": "#999999", "ceiling": "#9ecae1"}
_STYLE = "font: 13px sans-serif; fill: #222"


def bars(title: str, figures: Sequence[dict[str, Any]]) -> str:
    """Returns a picture: a bar to each figure's median, and a line from its minimum to its maximum."""
    widest = max(max(figure["values"]) for figure in figures)
    rows = [_row(figure, at, widest) for at, figure in enumerate(figures, start=1)]
    height = _ROW * (len(figures) + 1) + 10
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
            f'<text x="10" y="20" style="{_STYLE}; font-weight: bold">{escape(title)}</text>',
            *rows,
            "</svg>\n",
        )
    )


def _row(figure: dict[str, Any], at: int, widest: float) -> str:
    top, middle = at * _ROW, at * _ROW + _ROW / 2
    left, bar, right = (
        _LABELS + _BARS * value / widest for value in (min(figure["values"]), figure["median"], max(figure["values"]))
    )
    name, colour, value = escape(figure["name"]), _COLOURS[figure["kind"]], number(figure["median"])
    return "\n".join(
        (
            f'<text x="{_LABELS - 10}" y="{middle + 5}" text-anchor="end" style="{_STYLE}">{name}</text>',
            f'<rect x="{_LABELS}" y="{top + 5}" width="{bar - _LABELS:.1f}" height="{_ROW - 10}" fill="{colour}"/>',
            f'<line x1="{left:.1f}" y1="{middle}" x2="{right:.1f}" y2="{middle}" stroke="#222"/>',
            f'<text x="{right + 8:.1f}" y="{middle + 5}" style="{_STYLE}">{value}</text>',
        )
    )
