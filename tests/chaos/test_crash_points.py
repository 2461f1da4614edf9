"""Relay and consumer are killed exactly at each of their crash points: frozen there, then SIGKILL."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.chaos.checker.logs import repeats
from tests.chaos.small_scene import BATCH_ROWS, SERVICE, SmallScene
from tests.eventually import eventually

EVENTS = BATCH_ROWS - 2
"""Fewer than a batch, so that all of them are at the crash point together."""


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
    victim = scene.start_relay(RELAY_CRASH_POINT=point, RELAY_CRASH_FILE=str(frozen))
    scene.frozen(victim, frozen)
    scene.start_relay()
    eventually(lambda: scene.waiting() == 0, because="another relay goes on")
    assert scene.findings() == []
    assert len(repeats(scene.history().logs[SERVICE])) == repeated


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_consumer_killed_at_a_point_applies_each_event_once(scene: SmallScene, tmp_path: Path, point: str) -> None:
    frozen = tmp_path / "frozen"
    with scene.post() as post:
        scene.told(post, "patient-1", 1, 2, 3)
        victim = scene.start_consumer(CONSUMER_CRASH_POINT=point, CONSUMER_CRASH_FILE=str(frozen))
        scene.frozen(victim, frozen)
        scene.told(post, "patient-1", 4)
    scene.start_consumer()
    eventually(scene.has_read, because="another consumer goes on")
    assert scene.findings() == []


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_consumer_killed_at_a_point_answers_each_command_once(scene: SmallScene, tmp_path: Path, point: str) -> None:
    frozen = tmp_path / "frozen"
    victim = scene.start_consumer(CONSUMER_CRASH_POINT=point, CONSUMER_CRASH_FILE=str(frozen))
    with scene.post() as post:
        eventually(lambda: post.length(f"{SERVICE}.inbox") is not None, because="the consumer declares its inbox")
        post.command(SERVICE, "admission", "ReserveBed", a_bed())
    scene.frozen(victim, frozen)
    scene.start_consumer()
    with scene.post() as post:
        eventually(lambda: scene.rows("SELECT outcome FROM saga_outcome"), because="the command is answered")
        eventually(lambda: post.length(f"{SERVICE}.inbox") == 0, because="the inbox is empty")
    assert scene.rows("SELECT type FROM outbox") == [("Reply",)]
    assert len(scene.history().applied[SERVICE]) == 1


def a_bed() -> dict[str, object]:
    """A command for a bed of a ward that does not exist: it is refused, which is an answer, too."""
    ids = {name: str(uuid4()) for name in ("saga_id", "admission_id", "patient_id")}
    return {**ids, "step": "bed", "attempt": 1, "reply_to": "admission", "ward_id": "nowhere"}
