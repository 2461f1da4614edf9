"""The committed dashboards, as Grafana reads them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[3] / "k8s" / "dashboards"
PAGES: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(page: dict[str, Any], *, rows: bool = False) -> Iterator[dict[str, Any]]:
    """Yields the panels of a dashboard, those inside of closed rows included; with the rows themselves if wanted."""
    for panel in page["panels"]:
        if panel["type"] != "row" or rows:
            yield panel
        yield from panel.get("panels", ())


def expressions(page: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields every query of a dashboard with whose it is: panels, annotations, variables."""
    for panel in panels(page):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for annotation in page["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in page["templating"]["list"]:
        query = variable["query"]
        if isinstance(query, dict):
            yield variable["name"], query["query"].removeprefix("label_values(").rpartition(",")[0]
