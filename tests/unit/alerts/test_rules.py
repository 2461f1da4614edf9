"""Each alert fires by its own fault and not without: `cases/` says so in promtool's form, promtool judges."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.rendering import Installation, groups

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
ALWAYS_FIRES = {"InfirmaryWatchdog"}

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with prometheus")


def installation_of(case: Path) -> Installation:
    return Installation.PRODUCTION if case.stem == Installation.PRODUCTION else Installation.DEVELOPMENT


def rules(installation: Installation) -> list[dict[str, Any]]:
    return [rule for group in groups(installation)["groups"] for rule in group["rules"]]


def alerts() -> set[str]:
    return {rule["alert"] for installation in Installation for rule in rules(installation) if "alert" in rule}


def names_of(group: dict[str, Any]) -> set[str]:
    return {rule["alert"] for rule in group["rules"] if "alert" in rule}


def asked_in(case: Path) -> set[str]:
    tests = yaml.safe_load(case.read_text())["tests"]
    return {asked["alertname"] for test in tests for asked in test.get("alert_rule_test", [])}


def promtool(*words: str, folder: Path) -> None:
    done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_alerts_fire_by_their_faults_and_only_then(case: Path, tmp_path: Path) -> None:
    content = groups(installation_of(case))
    content["groups"] = [group for group in content["groups"] if names_of(group) & asked_in(case)]  # others take time
    for rule in (rule for group in content["groups"] for rule in group["rules"]):
        rule.pop("annotations", None)  # promtool would compare them as well, and they are no part of a case
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(content))
    shutil.copy(case, tmp_path / "case.yaml")
    promtool("test", "rules", "case.yaml", folder=tmp_path)


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, silent = set[str](), set[str]()
    for case in CASES:
        for test in yaml.safe_load(case.read_text())["tests"]:
            for asked in test.get("alert_rule_test", []):
                (fires if asked["exp_alerts"] else silent).add(asked["alertname"])
    assert fires == alerts()
    assert silent == alerts() - ALWAYS_FIRES


@needs_promtool
@pytest.mark.parametrize("factor", [1.0, 0.05])
@pytest.mark.parametrize("installation", list(Installation))
def test_promtool_finds_no_fault_with_the_rules(installation: Installation, factor: float, tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(groups(installation, factor=factor)))
    promtool("check", "rules", "--lint-fatal", "alerts.yaml", folder=tmp_path)


@pytest.mark.parametrize("installation", list(Installation))
def test_an_alert_has_a_name_of_ours_a_severity_and_words(installation: Installation) -> None:
    for rule in (rule for rule in rules(installation) if "alert" in rule):
        assert rule["alert"].startswith("Infirmary")
        assert set(rule["labels"]) == {"severity"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert len(rule["annotations"]["summary"]) < 120, rule["alert"]
