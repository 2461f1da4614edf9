"""The panels' queries as Prometheus takes them, and its answers as a panel shows them."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboards.model import Panel

_LABEL: Final = re.compile(r"\{\{(\w+)\}\}")

Points = list[tuple[float, float]]
"""Moments (unix time, s) and the values at them."""


def filled(expression: str, *, over: str = "1m") -> str:
    """Returns a query with Grafana's variables filled in: everybody, and rates over a given time."""
    for name, value in {"$__rate_interval": over, "$namespace": ".*", "$service": ".*"}.items():
        expression = expression.replace(name, value)
    return expression


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Returns the name of a series."""
    return " ".join(_LABEL.sub(lambda label: labels.get(label[1], ""), legend).split())


def points(values: Sequence[Sequence[Any]]) -> Points:
    """Returns what Prometheus' answer has of one series, without what is no number."""
    read = [(float(at), float(value)) for at, value in values]
    return [(at, value) for at, value in read if math.isfinite(value)]


def expressions(panel: Panel, *, over: str = "1m") -> list[str]:
    """Returns the queries of a panel."""
    return [filled(query.expression, over=over) for query in panel.queries]
