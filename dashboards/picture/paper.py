"""What everything in the picture is drawn with: colours, words, boxes."""

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

INK: Final = "#222"
FAINT: Final = "#767676"
GRID: Final = "#e6e6e6"
GREEN: Final = "#2f8f46"
AMBER: Final = "#d97706"
RED: Final = "#c92a2a"
BLUE: Final = "#1f77b4"
PALETTE: Final = (
    "#1f77b4", "#e07b00", "#2f8f46", "#c92a2a", "#8250c4", "#8c564b", "#d0569f", "#6b7280", "#0e9aa7", "#a3a300",
)  # fmt: skip


@dataclass(frozen=True)
class Box:
    """A rectangle on the paper, in its units."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.top + self.height

    def inside(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """Returns what is left of it within margins."""
        return Box(self.left + left, self.top + top, self.width - left - right, self.height - top - bottom)


def words(
    x: float, y: float, text: str, *, size: int = 11, color: str = INK, anchor: str = "start", bold: bool = False
) -> str:
    """Returns a line of text; y is its baseline."""
    weight = "; font-weight: bold" if bold else ""
    style = f"font: {size}px sans-serif; fill: {color}{weight}"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{style}">{escape(text)}</text>'


def rectangle(box: Box, fill: str, *, stroke: str = "none", round_by: float = 0) -> str:
    """Returns a filled rectangle."""
    place = f'x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    return f'<rect {place} rx="{round_by}" fill="{fill}" stroke="{stroke}"/>'


def line(x1: float, y1: float, x2: float, y2: float, color: str, *, dashed: bool = False) -> str:
    """Returns a straight line."""
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{dashes}/>'
