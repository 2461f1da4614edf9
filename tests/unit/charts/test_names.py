"""One rule for a service's name, told at the first command; whatever passes it, the broker's rights allow."""

import json
import re
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.servers.rabbitmq_configuration import service_rights
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
def test_a_service_declares_and_writes_its_own_logs_and_reads_events_and_what_is_written_to_it(
    other: str, part: int | None
) -> None:
    rights = rights_of("ward")
    own = [log_of("ward", part), log_of("ward", part, f"to.{other}"), "ward.inbox"]
    others = [log_of(other, part), log_of(other, part, "to.ward"), f"{other}.inbox"]
    for target in own:
        assert re.search(rights["configure"], target)
    assert all(re.search(rights["write"], target) for target in own[:2])
    if other != "ward":
        assert not any(re.search(rights["configure"], target) for target in others)
        assert not any(re.search(rights["write"], target) for target in others)
        assert not any(re.search(rights["read"], target) for target in (own[1], others[2]))
    assert all(re.search(rights["read"], target) for target in others[:2])
    assert not re.search(rights["write"], own[2])


def test_a_service_may_do_the_same_in_the_cluster_and_on_one_machine() -> None:
    channels = [
        "ward.events",
        "ward.to.lab",
        "lab.to.ward",
        "lab.events.3",
        "lab.to.patient",
        "ward.inbox",
        "lab.inbox",
    ]
    channels += ["ward.owner", "ward.owner.1.2", "lab.owner", "amq.default", "amq.topic", "ward.other", "ward2.events"]
    here, there = service_rights("ward"), rights_of("ward")
    for right, pattern in there.items():
        allowed = [bool(re.search(here[right], channel)) for channel in channels]
        assert [bool(re.search(pattern, channel)) for channel in channels] == allowed, right


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
