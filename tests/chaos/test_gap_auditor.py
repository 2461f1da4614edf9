"""The auditor of gaps as a process of its own, on real logs and a bad network."""

import os
from pathlib import Path

import pytest

from tests.chaos.broker_side import BrokerSide
from tests.chaos.gap_counters import AUDITORS, gap_auditor, gauge
from tests.chaos.small_scene import PUBLISHER, SmallScene
from tests.eventually import eventually


@pytest.mark.parametrize("side", [BrokerSide.AMQP])  # by which the auditor reads
def test_the_auditor_shows_a_gap_for_as_long_as_it_is_there(scene: SmallScene, tmp_path: Path) -> None:
    with (
        gap_auditor(scene.proxy.url(scene.rabbitmq_url), os.environ, tmp_path / "auditor.log") as port,
        scene.post() as post,
    ):

        def shows(missing: float) -> bool:
            return gauge(port, AUDITORS).get(PUBLISHER) == missing

        scene.told(post, "patient-1", 1, 2, 5)
        eventually(lambda: shows(2), because="3 and 4 are missing")
        scene.proxy.reset()
        scene.told(post, "patient-1", 3)
        eventually(lambda: shows(1), because="it reads on after a lost connection")
        scene.told(post, "patient-1", 4)
        eventually(lambda: shows(0), because="all have come")
