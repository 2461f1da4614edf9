"""What GitHub runs exists here, is pinned, and is what `.ci/run` runs."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOW = ROOT / ".github/workflows/ci.yml"
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
ON_THE_CLUSTER = (
    "skaffold build",
    "make deploy",
    "make deploy TLS=1",
    "make k8s-drill",
    "make k8s-test",
    "make k8s-chaos",
)


def steps() -> list[tuple[str, dict[str, Any]]]:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    return [(name, step) for name, job in jobs.items() for step in job["steps"]]


def commands(job: str) -> list[str]:
    """Every line of every shell script of a job."""
    texts = [step["run"] for name, step in steps() if name == job and "run" in step]
    return [line.strip() for text in texts for line in text.splitlines()]


@pytest.mark.parametrize("job", ["test", "embedded", "kind"])
def test_what_a_job_runs_of_ours_exists(job: str) -> None:
    ours = 0
    for command in commands(job):
        words = shlex.split(command)
        if words[0] == "make":
            assert words[1] in TARGETS, command
        elif words[0] == "sh":
            assert (ROOT / words[1]).is_file(), command
        elif "/" in words[0]:
            assert (ROOT / words[0]).stat().st_mode & 0o100, command
        else:
            continue
        ours += 1
    assert ours > 0


def test_the_cluster_is_tested_on_github_as_ci_tests_it() -> None:
    """The same commands in the same order, the ending apart."""
    run = [line.strip() for line in (ROOT / ".ci/run").read_text().splitlines()]
    wanted = [line for line in run if line.startswith(ON_THE_CLUSTER)]
    assert len(wanted) == len(ON_THE_CLUSTER)
    assert [line for line in commands("kind") if line.startswith(ON_THE_CLUSTER)] == wanted
    assert "tests/unit/charts" in "".join(commands("kind"))
    assert "tests/unit/charts" in "".join(run)


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    used = [line.partition("uses:")[2].strip() for line in WORKFLOW.read_text().splitlines() if "uses:" in line]
    assert len(used) > 4
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", action), action


def test_every_tool_that_the_cluster_needs_is_had_in_one_version_checked_against_its_sum() -> None:
    script = (ROOT / "k8s/tools.sh").read_text()
    tools = re.findall(r"^(\w+)=v\d+\.\d+\.\d+$", script, re.MULTILINE)
    asked_for = set(re.findall(r"need\.sh (.*)", (ROOT / "Makefile").read_text()))
    named = {word for line in asked_for for word in line.split()} - {"docker", "go", "cluster"}
    assert set(tools) == named
    for tool in tools:
        assert re.search(rf"^check {tool}[\w.]* ([0-9a-f]{{64}}$|\"\$\(cut )", script, re.MULTILINE), tool


def test_the_node_of_the_cluster_is_pinned_by_its_digest() -> None:
    (node,) = yaml.safe_load((ROOT / "k8s/kind.yaml").read_text())["nodes"]
    assert re.fullmatch(r"kindest/node:v[\d.]+@sha256:[0-9a-f]{64}", node["image"])
