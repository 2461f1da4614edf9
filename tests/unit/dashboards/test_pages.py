"""What every dashboard and every panel has, in the shape that Grafana reads."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as shape

from dashboards import __main__ as command
from dashboards.model import HOME
from tests.unit.dashboards.pages import PAGES, panels

each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
FIRST_ROW = "Is anything stuck?"


def test_the_five_dashboards_are_there_and_current() -> None:
    assert set(PAGES) == {"home", "relay", "readers", "sagas", "apis"}
    assert command.differences(command.FOLDER) == []


def test_a_dashboard_that_is_not_current_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    assert CliRunner().invoke(command.main).exit_code == 0
    assert CliRunner().invoke(command.main, ["--check"]).exit_code == 0
    (tmp_path / "relay.json").write_text("{}")
    (tmp_path / "sagas.json").unlink()
    (tmp_path / "somebodys.json").write_text("{}")
    refused = CliRunner().invoke(command.main, ["--check"])
    assert refused.exit_code == 1
    assert "relay.json, sagas.json, somebodys.json" in refused.output
    CliRunner().invoke(command.main)
    assert command.differences(tmp_path) == []


@each_page
def test_grafanas_model_takes_all_of_it(page: dict[str, Any]) -> None:
    understood = shape.Dashboard.from_json(page)
    written = json.loads(json.dumps(understood, cls=JSONEncoder))
    for annotation in page["annotations"]["list"]:
        # Prometheus' own words, which the model has no field for.
        assert {annotation.pop("step"), annotation.pop("titleFormat"), annotation.pop("tagKeys")}
    assert written == page


def test_no_two_dashboards_have_the_same_address() -> None:
    uids = [page["uid"] for page in PAGES.values()]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"infirmary-[a-z]+", uid) for uid in uids)


@each_page
def test_every_panel_has_a_number_of_its_own_and_a_place_on_the_page(page: dict[str, Any]) -> None:
    numbers = Counter(panel["id"] for panel in panels(page, rows=True))
    assert set(numbers.values()) == {1}
    taken: Counter[tuple[int, int]] = Counter()
    for panel in panels(page, rows=True):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                taken[x, y] += 1
    assert set(taken.values()) == {1}


@each_page
def test_every_panel_says_what_it_shows_in_which_unit_and_from_when_on_it_is_bad(page: dict[str, Any]) -> None:
    for panel in panels(page):
        defaults = panel["fieldConfig"]["defaults"]
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["description"].endswith(".")
        assert defaults["unit"], panel["title"]
        steps = [step["value"] for step in defaults["thresholds"]["steps"]]
        assert steps[0] is None
        assert steps[1:] == sorted(steps[1:])


@each_page
def test_a_panel_asks_the_chosen_prometheus(page: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(panel["datasource"] == chosen for panel in panels(page))
    assert all(annotation["datasource"] == chosen for annotation in page["annotations"]["list"])
    assert [variable["name"] for variable in page["templating"]["list"]] == [
        "datasource", "namespace", "service", "docs",
    ]  # fmt: skip


@each_page
def test_deployments_restarts_and_chaos_are_marked(page: dict[str, Any]) -> None:
    assert [each["name"] for each in page["annotations"]["list"]] == ["Deployments", "Restarts", "Chaos"]


def test_the_home_answers_first_whether_anything_is_stuck_and_leads_on() -> None:
    home = PAGES["home"]
    assert home["uid"] == HOME
    row, *rest = home["panels"]
    assert row["title"] == FIRST_ROW
    answers = rest[: next(at for at, panel in enumerate(rest) if panel["type"] == "row")]
    assert all(panel["type"] == "stat" for panel in answers)
    for panel in answers[1:]:
        leads_to = " ".join(link["url"] for link in panel["links"])
        assert "/d/infirmary-" in leads_to, panel["title"]
        assert ".md#infirmary" in leads_to, panel["title"]


@each_page
def test_every_link_to_a_dashboard_leads_to_one(page: dict[str, Any]) -> None:
    known = {each["uid"] for each in PAGES.values()}
    for panel in panels(page):
        for link in panel["links"]:
            if link["url"].startswith("/d/"):
                assert link["url"].removeprefix("/d/").partition("?")[0] in known
