"""A whole dashboard as Grafana's JSON: variables, annotations, rows, panels."""

import json
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as shape

from dashboards.annotations import annotations
from dashboards.drawn import DATASOURCE, drawn
from dashboards.model import Dashboard, Row

TAG: Final = "infirmary"
DOCS: Final = "https://example.com/infirmary/docs/"
"""Where an operator reads this repository's pages: the variable `docs`, to be set by whoever provisions."""


def page(dashboard: Dashboard) -> str:
    """Returns a dashboard's JSON."""
    made = (
        build.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.says)
        .tags([TAG])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .tooltip(shape.DashboardCursorSync.CROSSHAIR)
        .variables(_variables())
        .annotations(annotations())
        .link(build.DashboardLink("Infirmary").type(shape.DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True))
    )
    for row in dashboard.rows:
        made = _with_row(made, row)
    return json.dumps(_numbered(made.build()), cls=JSONEncoder, indent=1, ensure_ascii=False) + "\n"


def _with_row(made: build.Dashboard, row: Row) -> build.Dashboard:
    head = build.Row(row.title)
    if not row.for_each_service:
        made = made.with_row(head)
        for panel in row.panels:
            made = made.with_panel(drawn(panel))
        return made
    for panel in row.panels:
        head = head.with_panel(drawn(panel))
    return made.with_row(head.collapsed(True).repeat("service"))


def _numbered(dashboard: shape.Dashboard) -> shape.Dashboard:
    """Gives every panel a number: a panel without one has no address."""
    number = 0
    for panel in dashboard.panels or []:
        number += 1
        panel.id_val = number
        if isinstance(panel, shape.RowPanel):
            for inner in panel.panels:
                number += 1
                inner.id_val = number
    return dashboard


def _variables() -> list[Builder[shape.VariableModel]]:
    return [
        build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        _labels_of("namespace", "label_values(up, namespace)"),
        _labels_of("service", 'label_values(up{role=~".+",namespace=~"$namespace"}, service)'),
        _Docs(),
    ]


class _Docs(Builder[shape.VariableModel]):
    """A text box with a text in it, which the SDK cannot make."""

    def build(self) -> shape.VariableModel:
        return shape.VariableModel(
            type_val=shape.VariableType.TEXTBOX,
            name="docs",
            label="Pages at",
            description="Where docs/ of the repository is to be read; links to the runbooks begin with it.",
            query=DOCS,
            current=shape.VariableOption(selected=True, text=DOCS, value=DOCS),
        )


def _labels_of(name: str, query: str) -> build.QueryVariable:
    """All is any value, none included: a Prometheus in the same namespace need not name it."""
    return (
        build.QueryVariable(name)
        .label(name.capitalize())
        .datasource(DATASOURCE)
        .query({"query": query, "refId": name})
        .refresh(shape.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(shape.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(shape.VariableOption(selected=True, text="All", value="$__all"))
    )
