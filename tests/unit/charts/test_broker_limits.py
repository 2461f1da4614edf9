"""The three brokers, on one machine, for development and in production, take messages up to the same size alike."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.servers.rabbitmq import ROOMY_PROCESSES
from local.servers.rabbitmq_configuration import node_configuration, stream_configuration
from tests.unit.charts.rendering import ROOT, infrastructure, needs_helm, of_kind


def on_one_machine() -> str:
    return node_configuration("127.0.0.1:5672", Path("definitions.json")) + stream_configuration("127.0.0.1:5552", 5552)


def for_development() -> str:
    return str(of_kind("ConfigMap", infrastructure())["rabbitmq"]["data"]["20-infirmary.conf"])


def in_production() -> str:
    return str(_cluster()["spec"]["rabbitmq"]["additionalConfig"])


def _cluster() -> dict[str, Any]:
    documents = yaml.safe_load_all((ROOT / "k8s/production/rabbitmq.yaml").read_text())
    (found,) = (each for each in documents if each and each["kind"] == "RabbitmqCluster")
    return dict(found)


@needs_helm
@pytest.mark.parametrize("configuration", [on_one_machine, for_development, in_production])
def test_every_broker_refuses_a_message_above_the_same_size(configuration: Callable[[], str]) -> None:
    limits = re.findall(r"^max_message_size = (\d+)$", configuration(), re.MULTILINE)
    assert limits == ["1048576"]


@needs_helm
@pytest.mark.parametrize("configuration", [on_one_machine, for_development, in_production])
def test_the_largest_message_fits_into_every_brokers_frames(configuration: Callable[[], str]) -> None:
    told = dict(re.findall(r"^(max_message_size|stream\.frame_max) = (\d+)$", configuration(), re.MULTILINE))
    assert int(told["stream.frame_max"]) == int(told["max_message_size"]) + 1_048_576


@needs_helm
def test_every_broker_gives_its_processes_the_same_room() -> None:
    server = of_kind("StatefulSet", infrastructure())["rabbitmq"]["spec"]["template"]["spec"]["containers"][0]
    given = {each["name"]: each.get("value", "") for each in server["env"]}
    assert ROOMY_PROCESSES in given["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
    assert ROOMY_PROCESSES in _cluster()["spec"]["rabbitmq"]["envConfig"]
