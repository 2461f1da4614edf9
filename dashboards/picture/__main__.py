"""`python -m dashboards.picture ANSWERS PICTURE` draws the home from what demo/recorded_day.py has kept."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from dashboards.home import PAGE
from dashboards.model import Kind, Panel, Row
from dashboards.picture import curves, tiles
from dashboards.picture.answers import Answers, Series, read
from dashboards.picture.paper import FAINT, Box, rectangle, words

_WIDTH, _COLUMNS, _UNIT, _GAP = 1200.0, 24, 26.0, 4.0
_HEAD, _TITLE = 44.0, 26.0

Draw = Callable[[Panel, Sequence[Series], Box, Answers], Iterator[str]]
_DRAW: Final[dict[Kind, Draw]] = {
    Kind.STAT: tiles.stat,
    Kind.GAUGE: tiles.gauge,
    Kind.TABLE: tiles.table,
    Kind.LINES: curves.lines,
    Kind.HEATMAP: curves.heatmap,
}


def picture(answers: Answers) -> str:
    """Returns the home as SVG."""
    drawn: list[str] = []
    top = _HEAD
    for row in PAGE.rows:
        drawn.append(words(12, top + 20, row.title, size=14, bold=True))
        top += _TITLE
        for panel, box in _placed(row, top):
            drawn += _panel(panel, box, answers)
            bottom = box.bottom
        top = bottom + 2 * _GAP
    said = f"A day in the hospital, {answers.to_s - answers.from_s:.0f} s long: {_restarts(answers)}"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {top + 8:.0f}" role="img">',
            f"<title>{PAGE.title}</title>",
            rectangle(Box(0, 0, _WIDTH, top + 8), "#f4f5f7"),
            words(12, 30, PAGE.title, size=20, bold=True),
            words(_WIDTH - 12, 30, said, size=12, color=FAINT, anchor="end"),
            *drawn,
            "</svg>\n",
        )
    )


def _restarts(answers: Answers) -> str:
    if not answers.started:
        return "nobody died"
    return f"dashed black: killed and started again ({', '.join(who for _, who in answers.started)})"


def _placed(row: Row, top: float) -> Iterator[tuple[Panel, Box]]:
    """Yields where each panel is, as Grafana flows them."""
    column, height = 0, 0
    for panel in row.panels:
        if column + panel.width > _COLUMNS:
            column, top = 0, top + height * _UNIT
        height = panel.height
        across = (_WIDTH - 16) / _COLUMNS
        box = Box(8 + column * across, top, panel.width * across, panel.height * _UNIT)
        yield panel, box.inside(_GAP, _GAP, _GAP, _GAP)
        column += panel.width


def _panel(panel: Panel, box: Box, answers: Answers) -> Iterator[str]:
    yield rectangle(box, "white", stroke="#dcdfe4", round_by=4)
    yield words(box.left + 10, box.top + 19, panel.title, size=12, bold=True)
    yield from _DRAW[panel.kind](panel, answers.panels.get(panel.title, ()), box.inside(8, 28, 8, 8), answers)


@click.command()
@click.argument("answers", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def main(answers: Path, file: Path) -> None:
    """Draws the picture into FILE."""
    file.write_text(picture(read(answers)))


if __name__ == "__main__":
    main()
