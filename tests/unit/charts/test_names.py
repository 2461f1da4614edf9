"""One rule for a service's name, told at the first command; whatever passes it, the broker's rights allow."""

import json
import re
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.plan import logs_read_by
from local.servers.rabbitmq_configuration import node_definitions, service_rights
from local.topology import SERVICES, Service
from tests.unit.charts.rendering import infrastructure, needs_helm, of_kind, render

pytestmark = needs_helm

A_NAME = r"[a-z][a-z0-9]{0,30}"
names = st.from_regex(A_NAME, fullmatch=True)
parts = st.none() | st.integers(1, 63)

WRONG = ["a-b", "a_b", "Ward", "9ward", "w" * 32, "ward.events", "rabbitmq", "postgres"]


@pytest.mark.parametrize("name", WRONG)
def test_both_charts_refuse_a_name_that_a_service_cannot_have_with_a_sentence(name: str) -> None:
    escaped = name.replace(".", r"\.")
    for chart, values in (
        ("service", ["--set", f"service={name},database.name=x"]),
        ("infra", ["--set", f"services.{escaped}.database=x"]),
    ):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            render(chart, *values)
        assert f'a service cannot be called "{name}"' in refused.value.stderr


@pytest.mark.parametrize(
    ("database", "reason"),
    [
        ("postgres", 'cannot be called "postgres"'),
        ("template1", 'cannot be called "template1"'),
        ("pg_meals", 'cannot be called "pg_meals"'),
        ("wards", "canteen and ward have the same database, wards"),
    ],
)
def test_a_service_gets_no_database_that_belongs_to_somebody_else(database: str, reason: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        render("infra", "--set", f"services.canteen.database={database}")
    assert reason in refused.value.stderr


def test_a_name_of_the_greatest_length_is_taken() -> None:
    longest = "w" * 31
    assert longest in of_kind("Service", render("service", "--set", f"service={longest},database.name=x"))
    assert f"{longest}-credentials" in of_kind("Secret", render("infra", "--set", f"services.{longest}.database=x"))


def rights_of(user: str) -> dict[str, Any]:
    definitions = of_kind("Secret", infrastructure())["rabbitmq-definitions"]["stringData"]["definitions.json"]
    (found,) = (each for each in json.loads(definitions)["permissions"] if each["user"] == user)
    return {right: found[right] for right in ("configure", "write", "read")}


def log_of(name: str, part: int | None, kind: str = "events") -> str:
    return f"{name}.{kind}" if part is None else f"{name}.{kind}.{part}"


@given(names, parts)
def test_a_service_declares_writes_and_reads_its_own_logs_and_reads_what_the_values_say(
    other: str, part: int | None
) -> None:
    rights = rights_of("ward")
    own = [log_of("ward", part), log_of("ward", part, f"to.{other}"), "ward.inbox"]
    others = [log_of(other, part), log_of(other, part, "to.ward"), f"{other}.inbox", log_of(other, part, "to.x")]
    for target in own:
        assert re.search(rights["configure"], target)
    assert all(re.search(rights["write"], target) for target in own[:2])
    if other not in ("ward", "patient", "admission"):
        assert not any(re.search(rights[right], target) for right in rights for target in others)
    assert all(
        re.search(rights["read"], target)
        for target in [*own, log_of("patient", part), log_of("admission", part, "to.ward")]
    )
    assert not re.search(rights["write"], own[2])


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
def test_a_service_may_do_the_same_in_the_cluster_and_on_one_machine(service: Service) -> None:
    name = service.name
    logs = [f"{each.name}.{kind}" for each in SERVICES for kind in ("events", "inbox", "owner", "owner.1.2", "logs")]
    logs += [f"{one.name}.to.{other.name}" for one in SERVICES for other in SERVICES]
    channels = [*logs, *(f"{log}.3" for log in logs), "amq.default", "amq.topic", f"{name}.other", f"{name}2.events"]
    here, there = service_rights(name, logs_read_by(name)), rights_of(name)
    for right, pattern in there.items():
        allowed = [channel for channel in channels if re.search(here[right], channel)]
        assert [channel for channel in channels if re.search(pattern, channel)] == allowed, right


def test_a_service_of_which_nobody_says_what_it_reads_reads_all_events_and_what_is_written_to_it() -> None:
    objects = render("infra", "--set", "services.canteen.database=meals")
    definitions = of_kind("Secret", objects)["rabbitmq-definitions"]["stringData"]["definitions.json"]
    readable = {each["user"]: each["read"] for each in json.loads(definitions)["permissions"]}
    assert all(re.search(readable["canteen"], log) for log in ("ward.events", "ward.to.canteen", "canteen.to.ward"))
    assert not re.search(readable["canteen"], "ward.to.lab")


def test_a_service_is_limited_and_so_is_the_virtual_host() -> None:
    definitions = of_kind("Secret", infrastructure())["rabbitmq-definitions"]["stringData"]["definitions.json"]
    here = node_definitions({"infirmary": "secret", "ward": "secret"}, {"ward": []})
    found = json.loads(definitions)
    (ward,) = (user for user in found["users"] if user["name"] == "ward")
    assert ward["limits"] == here["users"][1]["limits"]
    assert found["parameters"] == here["parameters"]


def test_a_service_marks_the_virtual_host_as_its_own_and_nobody_elses() -> None:
    rights = rights_of("ward")
    assert re.search(rights["configure"], "ward.owner")
    assert re.search(rights["read"], "ward.owner")
    assert re.search(rights["write"], "ward.owner.postgresql-7563-16384")
    assert not any(re.search(rights[right], name) for right in rights for name in ("lab.owner", "lab.owner.x"))


@given(names, parts)
def test_the_auditor_of_gaps_reads_every_log_and_does_nothing_else(name: str, part: int | None) -> None:
    rights = rights_of("gap-auditor")
    assert re.search(rights["read"], log_of(name, part))
    assert re.search(rights["read"], log_of(name, part, "to.ward"))
    assert not re.search(rights["read"], f"{name}.inbox")
    for right in ("configure", "write"):
        assert not any(
            re.search(rights[right], target) for target in (log_of(name, part), f"{name}.inbox", "amq.default")
        )
