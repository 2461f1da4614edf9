"""Faults injected into a real hospital are seen firing in Alertmanager, and are resolved when they are healed."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

import pytest

from demo.client import Hospital as Client
from local.servers.prometheus import is_installed
from local.topology import Role
from tests.chaos.alerting import WatchedScene, watched_scene
from tests.chaos.client.people import PATIENCE_S, People
from tests.chaos.nemesis import broker, database, messages
from tests.chaos.nemesis.fault import Strike
from tests.chaos.nemesis.post import Post
from tests.chaos.scene import Scene

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not is_installed(), reason="prometheus and prometheus-alertmanager are not installed"),
]

QUIET_FOR_S = 45.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedScene]:
    with watched_scene(tmp_path_factory.mktemp("alerts")) as watched:
        yield watched


@contextmanager
def struck(strike: Strike, scene: Scene) -> Iterator[str]:
    """Injects a fault, gives what it has struck, and heals it."""
    fault = strike(scene, Random(11))
    try:
        yield next(fault)
    finally:
        next(fault, None)


def held_down(service: str, role: Role, number: signal.Signals) -> Strike:
    """Returns a fault: one process is killed and stays down, or is frozen."""

    def strike(scene: Scene, _chance: Random) -> Iterator[str]:
        process = scene.hospital.process(service, role)
        if number is signal.SIGKILL:
            process.kill()
        else:
            process.send(number)
        yield service
        process.send(signal.SIGCONT)
        process.start()

    return strike


def queue_in_a_logs_place(scene: Scene, _chance: Random) -> Iterator[str]:
    """Somebody has deleted a log, and an ordinary queue stands under its name."""
    log = "lab.events"
    with Post(scene.rabbitmq.url) as post:
        post.delete(log)
        post.declare_queue(log)
        yield log
        post.delete(log)


def test_a_hospital_at_work_without_a_fault_fires_nothing_but_the_dead_mans_switch(watched: WatchedScene) -> None:
    watched.shows("InfirmaryWatchdog", severity="none")
    with Client(watched.scene.hospital.env, patience_s=PATIENCE_S) as client, People(client, seed=1):
        seen, give_up_at = set[str](), time.monotonic() + QUIET_FOR_S
        while time.monotonic() < give_up_at:
            seen |= watched.faults()
            time.sleep(1)
    # How fast a shared machine is says little about the hospital.
    assert {fault for fault in seen if not fault.startswith("InfirmaryFreshnessBudget")} == set()


def test_faults_of_processes_messages_and_targets_show_themselves_and_are_over_when_they_are_healed(
    watched: WatchedScene,
) -> None:
    scene = watched.scene
    expected: list[tuple[str, dict[str, str]]] = [
        ("InfirmaryRelayAway", {"service": "ward", "severity": "critical"}),
        ("InfirmaryRelayAway", {"service": "prescription", "severity": "critical"}),
        ("InfirmaryConsumerAway", {"service": "inventory", "severity": "critical"}),
        ("InfirmaryApiAway", {"service": "notification", "severity": "critical"}),
        ("InfirmaryChannelUnreadable", {"channel": "lab.events", "reason": "wrong_kind", "severity": "critical"}),
    ]
    with ExitStack() as faults:
        faults.enter_context(struck(held_down("ward", Role.RELAY, signal.SIGSTOP), scene))
        faults.enter_context(struck(held_down("prescription", Role.RELAY, signal.SIGKILL), scene))
        faults.enter_context(struck(held_down("inventory", Role.CONSUMER, signal.SIGKILL), scene))
        faults.enter_context(struck(held_down("notification", Role.API, signal.SIGKILL), scene))
        faults.enter_context(struck(queue_in_a_logs_place, scene))
        log = faults.enter_context(struck(messages.poisoned_command, scene))
        expected.append(("InfirmaryMessagesHeld", {"channel": log, "severity": "warning"}))
        writer = faults.enter_context(struck(database.writer_open, scene)).removeprefix("in ")
        expected.append(("InfirmaryFloorHeld", {"service": writer, "severity": "warning"}))
        for name, labels in expected:
            alert = watched.shows(name, **labels)
            assert "error" not in alert["annotations"]["description"]
            assert alert["annotations"]["runbook_url"].endswith(f"#{name.lower()}")
    for name, labels in expected:
        watched.is_over(name, **labels)


def test_the_brokers_alarm_silences_what_follows_from_it(watched: WatchedScene) -> None:
    with struck(broker.disk_alarm, watched.scene):
        alarm = watched.shows("InfirmaryBrokerAlarm", alarm="disk", severity="critical")
        assert alarm["status"]["inhibitedBy"] == []
        with Client(watched.scene.hospital.env, patience_s=PATIENCE_S) as client:
            client.patient()  # by the stream protocol the broker only stops to read
        followed = watched.shows("InfirmaryRelayNotReady", service="patient")
        assert alarm["fingerprint"] in followed["status"]["inhibitedBy"]
    watched.is_over("InfirmaryBrokerAlarm")
    watched.is_over("InfirmaryRelayNotReady")


def test_the_brokers_memory_alarm_is_told_of_and_logs_go_on(watched: WatchedScene) -> None:
    """It holds up those who publish by AMQP, and by the stream protocol nobody."""
    with struck(broker.memory_alarm, watched.scene):
        watched.shows("InfirmaryBrokerAlarm", alarm="memory", severity="critical")
        with Client(watched.scene.hospital.env, patience_s=PATIENCE_S) as client:
            client.prescribe(client.patient(), client.medication(), known_within_s=PATIENCE_S)
    watched.is_over("InfirmaryBrokerAlarm")


def test_a_broker_that_is_away_is_told_of_once(watched: WatchedScene) -> None:
    with struck(broker.killed, watched.scene):
        watched.shows("InfirmaryBrokerAway", severity="critical")
        followed = watched.shows("InfirmaryRelayNotReady", service="ward")
        assert followed["status"]["state"] == "suppressed"
        assert "broker_away" in followed["annotations"]["description"]
    watched.is_over("InfirmaryBrokerAway")
    watched.is_over("InfirmaryRelayNotReady")
