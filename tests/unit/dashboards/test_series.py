"""Whatever a query asks for exists: its metrics and labels are those that the code registers, or somebody else's."""

import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.__main__ import ALL
from tests.unit.dashboards.pages import PAGES, expressions, panels
from tests.unit.dashboards.promql import wanted
from tests.unit.dashboards.series import OTHERS, TARGET, registered

KNOWN = {**OTHERS, **registered()}
RUNBOOKS = (Path(__file__).resolve().parents[3] / "docs" / "runbooks.md").read_text()
ALERTS = set(re.findall(r"^#+ (Infirmary\w+)$", RUNBOOKS, re.MULTILINE))
OF_NO_PANEL = {"InfirmaryWatchdog", "InfirmaryDatabaseWithoutStandby", "InfirmaryBrokerMajorityAway"}
"""The dead man's switch, and what the servers' own dashboards show in production."""


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_metric_and_label_of_every_query_is_known(page: dict[str, Any]) -> None:
    wrong = []
    for whose, expression in expressions(page):
        for each in wanted(expression):
            if each.metric not in KNOWN:
                wrong.append(f"{whose}: there is no {each.metric}")
            elif unknown := each.labels - KNOWN[each.metric] - TARGET:
                wrong.append(f"{whose}: {each.metric} has no {', '.join(sorted(unknown))}")
    assert wrong == []


def test_nothing_is_listed_as_somebody_elses_that_nobody_asks_for() -> None:
    asked = {
        each.metric for page in PAGES.values() for _, expression in expressions(page) for each in wanted(expression)
    }
    assert asked >= set(OTHERS)


def test_every_alert_that_a_panel_names_has_its_runbook_and_every_runbook_a_panel() -> None:
    named = {alert for dashboard in ALL for panel in dashboard.panels for alert in panel.alerts}
    assert named - ALERTS == set()
    assert ALERTS - named == OF_NO_PANEL


def test_every_link_to_the_runbooks_leads_to_a_heading() -> None:
    headings = {alert.lower() for alert in ALERTS}
    for page in PAGES.values():
        for panel in panels(page):
            for link in panel["links"]:
                _, found, heading = link["url"].partition("runbooks.md#")
                assert not found or heading in headings, link["url"]
