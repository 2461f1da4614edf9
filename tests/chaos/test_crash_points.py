"""Relay and consumer are killed exactly at each of their crash points: frozen there, then SIGKILL."""

from pathlib import Path

import pytest

from tests.chaos.checker.logs import repeats
from tests.chaos.conftest import OVER_BOTH
from tests.chaos.small_scene import BATCH_ROWS, COMMANDS, REPLIES, SERVICE, SmallScene, a_bed
from tests.eventually import eventually

EVENTS = BATCH_ROWS - 2
"""Fewer than a batch, so that all of them are at the crash point together."""


@OVER_BOTH
@pytest.mark.parametrize(
    ("point", "repeated"),
    [("after_fetch", 0), ("after_publish", EVENTS), ("after_confirm", EVENTS), ("after_delete", 0)],
)
def test_a_relay_killed_at_a_point_repeats_its_window_and_loses_nothing(
    scene: SmallScene, tmp_path: Path, point: str, repeated: int
) -> None:
    frozen = tmp_path / "frozen"
    with scene.writer() as writer:
        writer.write("bed-1", EVENTS)
    process = scene.start_relay(RELAY_CRASH_POINT=point, RELAY_CRASH_FILE=str(frozen))
    scene.frozen(process, frozen)
    scene.start_relay()
    eventually(lambda: scene.waiting() == 0, because="another relay goes on")
    assert scene.findings() == []
    assert len(repeats(scene.history().logs[SERVICE])) == repeated


@OVER_BOTH
@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_consumer_killed_at_a_point_applies_each_event_once(scene: SmallScene, tmp_path: Path, point: str) -> None:
    frozen = tmp_path / "frozen"
    with scene.post() as post:
        scene.told(post, "patient-1", 1, 2, 3)
        process = scene.start_consumer(CONSUMER_CRASH_POINT=point, CONSUMER_CRASH_FILE=str(frozen))
        scene.frozen(process, frozen)
        scene.told(post, "patient-1", 4)
    scene.start_consumer()
    eventually(scene.has_read, because="another consumer goes on")
    assert scene.findings() == []


@OVER_BOTH
@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_consumer_killed_at_a_point_answers_each_command_once(scene: SmallScene, tmp_path: Path, point: str) -> None:
    frozen = tmp_path / "frozen"
    process = scene.start_consumer(CONSUMER_CRASH_POINT=point, CONSUMER_CRASH_FILE=str(frozen))
    with scene.post() as post:
        scene.asked(post, a_bed())
    scene.frozen(process, frozen)
    scene.start_consumer()
    eventually(lambda: scene.has_read(COMMANDS), because="another consumer goes on")
    assert scene.rows("SELECT type, target, sequence FROM outbox") == [("Reply", REPLIES, 1)]
    assert len(scene.rows("SELECT outcome FROM saga_outcome")) == 1
    assert len(scene.history().applied[SERVICE]) == 1
