"""docs/runbooks.md has a heading for each alert and for no other, and whatever it tells to ask can be asked."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.rendering import RUNBOOKS, Installation, groups

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / RUNBOOKS).read_text()
METRICS = (ROOT / "docs/metrics.md").read_text()
SECTIONS = {
    section.partition("\n")[0]: section.partition("\n")[2]
    for section in re.split(r"^#+ +", PAGE, flags=re.MULTILINE)
    if section.startswith("Infirmary")
}
QUERIES = [query for block in re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL) for query in block.splitlines()]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
DASHBOARDS = {"home", "relay", "readers", "sagas", "APIs"}
ON_PROMETHEUS = {"Status: Targets", "Status: Rules", "Status: Runtime", "not"}
PLACEHOLDER = re.compile(r"<[a-z ]+>")


def alerts() -> dict[str, dict[str, Any]]:
    return {
        rule["alert"]: rule
        for installation in Installation
        for group in groups(installation)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def test_every_alert_has_its_heading_and_every_heading_its_alert() -> None:
    assert set(SECTIONS) == set(alerts())


def test_an_alerts_address_leads_to_its_heading() -> None:
    for name, rule in alerts().items():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert (ROOT / page).exists()
        assert anchor == name.lower()


@pytest.mark.parametrize("alert", SECTIONS)
def test_a_heading_says_what_it_means_where_to_look_what_to_do_and_when_it_is_over(alert: str) -> None:
    said = re.findall(r"^\*\*(Means|Look at|Do|Over)\b", SECTIONS[alert], re.MULTILINE)
    assert said == ["Means", "Look at", "Do", "Over"]
    assert "```promql" in SECTIONS[alert]


def test_a_panel_that_is_named_is_on_a_dashboard() -> None:
    pages = [json.loads(file.read_text()) for file in (ROOT / "k8s/dashboards").glob("*.json")]
    titles = {panel["title"] for page in pages for panel in page["panels"]}
    told = {
        name
        for section in SECTIONS.values()
        for block in re.findall(r"^\*\*(?:Look at|Do)\b.*?\n\n", section, re.MULTILINE | re.DOTALL)
        for name in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", block.replace("\n", " "))
    }
    assert told - titles - DASHBOARDS - ON_PROMETHEUS == set()


def test_every_reason_for_which_a_process_is_not_ready_is_explained() -> None:
    told = re.findall(r"^\| `(?:infirmary|outbox_relay)_not_ready` .*?`reason`: (.*?) \|", METRICS, re.MULTILINE)
    assert len(told) == 2
    reasons = {word for line in told for word in re.findall(r"[a-z]+_[a-z_]+|starting|stopping|stalled|locked", line)}
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == {"log_unreadable"}, "the auditor has an alert"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with prometheus")
def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"asked:{number}", "expr": query} for number, query in enumerate(QUERIES)]
    (tmp_path / "asked.yaml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(tmp_path / "asked.yaml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_a_command_is_one_that_there_is(command: str) -> None:
    words = shlex.split(command)
    if words[0] == "python":
        known = [sys.executable, *shlex.split(PLACEHOLDER.sub("1", command))[1:], "--help"]
        assert subprocess.run(known, cwd=ROOT, capture_output=True, check=False).returncode == 0
    else:
        assert words[0] in {"kubectl", "helm"}
        assert words[1:3] in (["--namespace", "infirmary"], ["get", "nodes"], ["describe", "nodes"])
