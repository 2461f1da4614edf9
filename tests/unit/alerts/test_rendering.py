"""The rules are rendered from one source; a test may have all their times shortened in proportion."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alerts.__main__ import committed
from alerts.rendering import Installation, groups, prometheus_rule
from alerts.times import SHORTEST_S, scaled_for, seconds, written_out

ONLY = {
    Installation.DEVELOPMENT: {"infirmary-development"},
    Installation.PRODUCTION: {"infirmary-production"},
}


def test_the_committed_files_are_what_the_source_says() -> None:
    for path, content in committed().items():
        assert Path(path).read_text() == content, f"{path} is not current: python -m alerts"


def test_both_installations_have_the_same_rules_but_those_of_their_servers() -> None:
    shared = [
        {group["name"]: group for group in groups(each)["groups"] if group["name"] not in ONLY[each]}
        for each in Installation
    ]
    assert shared[0] == shared[1]
    assert all(ONLY[each] <= {group["name"] for group in groups(each)["groups"]} for each in Installation)


def test_the_operators_object_holds_the_same_groups() -> None:
    content = groups(Installation.PRODUCTION)
    assert prometheus_rule(content)["spec"] == content


def test_no_time_is_left_as_the_source_writes_it() -> None:
    for installation in Installation:
        for factor in (1.0, 0.3):
            text = yaml.safe_dump(groups(installation, factor=factor))
            assert "<3" not in text.replace("< 3", "")
            assert "WINDOW" not in text


@pytest.mark.parametrize(
    ("source", "factor", "expected"),
    [
        ("rate(x[<5m>]) > <30s>", 1, "rate(x[5m]) > 30"),
        ("rate(x[<5m>]) > <60s>", 0.5, "rate(x[150s]) > 30"),
        ("x offset <7d12h> < 3", 1, "x offset 7d12h < 3"),
        ("x offset <1h>", 0.1, "x offset 360s"),
        ("time() - x > 3 * <1h>", 0.1, "time() - x > 3 * 360"),
        ("x > <30s>", 0.01, "x > 10"),
        ("x > <5s>", 0.01, "x > 5"),
    ],
)
def test_a_time_is_written_as_prometheus_wants_it_there(source: str, factor: float, expected: str) -> None:
    assert written_out(source, factor) == expected


@given(st.integers(1, 10**6), st.floats(0.0001, 1))
def test_a_shortened_time_is_neither_longer_nor_shorter_than_it_may_be(length: int, factor: float) -> None:
    short = int(written_out(f"<{length}s>", factor))
    assert min(SHORTEST_S, length) <= short <= length
    assert 0 < seconds(scaled_for(f"{length}s", factor)) <= length


@pytest.mark.parametrize("wrong", ["", "5", "5y", "m5", "5m30", "-5m"])
def test_what_is_no_length_of_time_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        seconds(wrong)


def test_every_for_and_window_is_shortened() -> None:
    def times(factor: float) -> list[Any]:
        rules = [rule for group in groups(Installation.DEVELOPMENT, factor=factor)["groups"] for rule in group["rules"]]
        return [seconds(rule["for"]) for rule in rules if "for" in rule]

    assert sum(times(0.1)) == pytest.approx(sum(times(1)) / 10)
