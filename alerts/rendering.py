"""Makes Prometheus' groups of rules out of the source: what all installations share, and what each has of its own."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from alerts.times import scaled_for, written_out

SOURCE = Path(__file__).parent / "rules"
RUNBOOKS = "docs/runbooks.md"

WINDOW = "<WINDOW>"


class Installation(StrEnum):
    """Who has the rules; each has a file of its own in the source."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


def groups(installation: Installation, *, factor: float = 1.0, runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Returns a file of rules as Prometheus reads it.

    Args:
        installation: For whom.
        factor: What every time is multiplied with; tests do not wait for minutes.
        runbooks: Where the page is that has a heading for each alert.
    """
    others = {each.value for each in Installation} - {installation.value}
    files = [file for file in sorted(SOURCE.glob("*.yaml")) if file.stem not in others]
    return {
        "groups": [
            {
                "name": f"infirmary-{file.stem}",
                "rules": [_rule(each, factor, runbooks) for each in _written(yaml.safe_load(file.read_text()))],
            }
            for file in files
        ]
    }


def prometheus_rule(content: dict[str, Any]) -> dict[str, Any]:
    """Returns the same as an object of Prometheus' operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "infirmary", "labels": {"app.kubernetes.io/part-of": "infirmary"}},
        "spec": content,
    }


def _written(source: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yields the rules, those for several windows once for each."""
    for rule in source:
        for window in rule.pop("for_each", [None]):
            if window is None:
                yield rule
            else:
                expression = rule["expr"].replace(WINDOW, f"<{window}>")
                yield {**rule, "record": rule["record"].replace(WINDOW, window), "expr": expression}


def _rule(source: dict[str, Any], factor: float, runbooks: str) -> dict[str, Any]:
    expression = written_out(source["expr"], factor)
    if "record" in source:
        return {"record": source["record"], "expr": expression}
    rule = {"alert": source["alert"], "expr": expression}
    for wait in ("for", "keep_firing_for"):
        if wait in source:
            rule[wait] = scaled_for(source[wait], factor)
    return rule | {
        "labels": {"severity": source["severity"]},
        "annotations": {
            "summary": source["summary"],
            "description": source["description"],
            "runbook_url": f"{runbooks}#{source['alert'].lower()}",
        },
    }
