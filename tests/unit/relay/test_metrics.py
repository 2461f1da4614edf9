"""What the relay shows is there from its start, answers a question, and is named for good."""

import platform
import time
import tomllib
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from infirmary_relay import __version__, health, metrics
from infirmary_relay.backoff import Kind
from infirmary_relay.health import Health
from infirmary_relay.problem import Problem, Reason


@pytest.fixture(autouse=True)
def shown() -> None:
    metrics.show_from_the_start()


def value(name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_every_series_has_one_prefix_and_a_help_that_begins_with_a_question() -> None:
    for family in metrics.registry.collect():
        if not family.name.startswith(("process_", "python_")):
            assert family.name.startswith("outbox_relay_")
            assert "? " in family.documentation, family.name
            assert family.documentation.endswith("."), family.name


def test_nothing_tells_when_a_series_was_created() -> None:
    assert b"_created" not in generate_latest(metrics.registry)


def test_labels_that_are_known_are_there_from_the_start() -> None:
    for server in ("source", "broker"):
        assert value("outbox_relay_connections_total", server=server) is not None
        assert value("outbox_relay_errors_total", server=server) is not None
    assert {value("outbox_relay_blocked", kind=kind.value) for kind in Kind} == {0}
    for reason in Reason:
        is_one = reason is Reason.STARTING
        assert value("outbox_relay_not_ready", reason=reason.value) == is_one
    assert value("process_start_time_seconds")


def test_the_build_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]
    assert value("outbox_relay_build_info", version=__version__, python=platform.python_version()) == 1


def test_ready_says_the_same_as_the_page_and_why_not() -> None:
    told = Health()
    told.show()
    assert (value("outbox_relay_ready"), value("outbox_relay_not_ready", reason="starting")) == (0, 1)
    told.iterated(time.monotonic(), (), wants_restart=False, floor_held_since=None)
    told.show()
    assert (value("outbox_relay_ready"), value("outbox_relay_not_ready", reason="starting")) == (1, 0)
    problems = (Problem(Reason.TARGET_BLOCKED, "a"), Problem(Reason.TARGET_BLOCKED, "b"))
    told.iterated(time.monotonic(), problems, wants_restart=True, floor_held_since=None)
    told.show()
    assert (value("outbox_relay_ready"), value("outbox_relay_not_ready", reason="target_blocked")) == (0, 1)
    assert told.deadly == "stalled"


def test_a_loop_that_hangs_is_neither_ready_nor_alive_and_a_held_floor_goes_on_counting() -> None:
    told = Health()
    then = time.monotonic() - health.LIVENESS_S - 1
    told.iterated(then, (), wants_restart=False, floor_held_since=then)
    told.show()
    assert (value("outbox_relay_ready"), value("outbox_relay_not_ready", reason="loop_hangs")) == (0, 1)
    assert told.deadly == "the loop hangs"
    assert (value("outbox_relay_floor_held_seconds") or 0) > health.LIVENESS_S
