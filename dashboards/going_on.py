"""Where a panel leads on to: the dashboard that knows more, and the heading of the runbooks that says what to do."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as shape

from dashboards.model import Panel

_AS_HERE: Final = "${__url_time_range}&${__all_variables}"


def links(panel: Panel) -> list[build.DashboardLink]:
    """Returns a panel's links: first to dashboards, then to runbooks."""
    pages = [_link(f"Look at: {uid.partition('-')[2]}", f"/d/{uid}?{_AS_HERE}") for uid in panel.look]
    return pages + [_link(f"What to do: {alert}", runbook(alert)) for alert in panel.alerts]


def runbook_of_a_row() -> build.DashboardLink:
    """Returns the link of a table's row: to where the runbooks first speak of the alert in its column `alertname`."""
    return _link("What to do", "${docs:raw}runbooks.md#:~:text=${__data.fields.alertname}")


def runbook(alert: str) -> str:
    """Returns the address of an alert's heading; where the pages are to be read is the variable `docs`."""
    return f"${{docs:raw}}runbooks.md#{alert.lower()}"


def _link(title: str, url: str) -> build.DashboardLink:
    link = build.DashboardLink(title).type(shape.DashboardLinkType.LINK).url(url)
    return link.target_blank(False) if url.startswith("/d/") else link.target_blank(True)
