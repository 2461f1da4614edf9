"""The picture of the home: whatever Prometheus has answered, it is a picture of all panels."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dashboards.home import PAGE
from dashboards.model import Kind, Limits, Unit
from dashboards.picture.__main__ import main, picture
from dashboards.picture.answers import Answers, read
from dashboards.picture.numbers import color, shown, ticks
from dashboards.picture.paper import AMBER, BLUE, GREEN, RED

values = st.floats(0, 1e6, allow_nan=False)
points = st.lists(values, min_size=1, max_size=9)


def a_file(folder: Path, value: float, length: int = 5) -> Path:
    """Writes answers in which every panel has one series of one value."""
    series = {
        "query": 0,
        "name": "billing & <others>",
        "labels": {"service": "billing", "le": "0.5", "alertname": "InfirmaryOutboxStuck"},
        "points": [[100.0 + at, value] for at in range(length)],
    }
    answers: dict[str, Any] = {
        "from": 100.0,
        "to": 104.0,
        "panels": {panel.title: [series] for panel in PAGE.panels},
        "started": [{"at": 102.0, "who": "billing relay"}],
    }
    path = folder / "answers.json"
    path.write_text(json.dumps(answers))
    return path


def test_it_shows_every_panel_and_who_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "home.svg"
    assert CliRunner().invoke(main, [str(a_file(tmp_path, 2.5)), str(file)]).exit_code == 0
    told = [element.text for element in ElementTree.parse(file).iter() if element.text]  # noqa: S314 - our own
    assert {panel.title for panel in PAGE.panels} <= set(told)
    assert {row.title for row in PAGE.rows} <= set(told)
    assert any("billing relay" in text for text in told)
    assert "2.5 s" in told
    assert "billing & <others>" in told


def test_a_panel_without_an_answer_says_why_that_is_good_or_that_it_has_none() -> None:
    drawn = picture(Answers(0, 60, {}, ()))
    for panel in PAGE.panels:
        assert panel.nothing in drawn
    answered = [panel for panel in PAGE.panels if not panel.nothing]
    assert drawn.count("no data") == len(answered)


def test_what_was_so_earlier_and_is_over_is_not_shown_as_a_value_of_now(tmp_path: Path) -> None:
    assert "7,777" in picture(read(a_file(tmp_path, 7777)))
    assert "7,777" not in picture(read(a_file(tmp_path, 7777, length=2)))


@given(value=values)
def test_whatever_the_values_are_it_is_well_formed_and_has_no_number_that_is_none(
    value: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    drawn = picture(read(a_file(tmp_path_factory.mktemp("answers"), value)))
    ElementTree.fromstring(drawn)  # noqa: S314 - our own
    assert not re.search(r'="[^"]*\b(nan|inf)\b', drawn)


@given(highest=st.floats(1e-6, 1e9))
def test_an_axis_begins_at_nothing_and_reaches_the_highest_in_a_few_steps(highest: float) -> None:
    marks = ticks(highest)
    assert marks[0] == 0
    assert marks[-1] >= highest * 0.999
    assert 3 <= len(marks) <= 6
    assert marks[-2] < highest


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, Unit.SECONDS, "0 s"), (0.0123, Unit.SECONDS, "12.3 ms"), (12.04, Unit.SECONDS, "12 s"),
        (300, Unit.SECONDS, "5 min"), (0.025, Unit.SHARE, "2.5 %"), (12345, Unit.COUNT, "12,345"),
        (3, Unit.MESSAGES_PER_SECOND, "3/s"),
    ],
)  # fmt: skip
def test_a_value_is_shown_with_its_unit(value: float, unit: Unit, text: str) -> None:
    assert shown(value, unit) == text


@pytest.mark.parametrize(
    ("limits", "colors"),
    [
        (Limits(1, 5), (GREEN, AMBER, RED)),
        (Limits(None, 5), (GREEN, GREEN, RED)),
        (Limits(5, 1, below=True), (RED, AMBER, GREEN)),
        (Limits(None, None), (BLUE, BLUE, BLUE)),
    ],
)
def test_a_value_has_the_colour_that_it_has_in_the_panel(limits: Limits, colors: tuple[str, ...]) -> None:
    assert tuple(color(value, limits) for value in (0.5, 3, 7)) == colors


def test_every_kind_of_panel_of_the_home_can_be_drawn() -> None:
    assert {panel.kind for panel in PAGE.panels} <= {
        Kind.STAT, Kind.LINES, Kind.HEATMAP, Kind.GAUGE, Kind.TABLE,
    }  # fmt: skip
