"""Which series and labels a query asks for, as Prometheus' own grammar has it."""

from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as promql

from dashboards.asking import filled


@dataclass(frozen=True)
class Wanted:
    """A metric, and the labels that a query must find on its series."""

    metric: str
    labels: frozenset[str]


def wanted(expression: str) -> set[Wanted]:
    """Returns what a query asks for.

    Raises:
        ValueError: it is not PromQL.
    """
    return set(_wanted(promql.parse(filled(expression)), frozenset()))


def _wanted(node: promql.Expr, by: frozenset[str]) -> Iterator[Wanted]:
    """Goes down to the selectors, and takes along by which labels their series are told apart above."""
    match node:
        case promql.VectorSelector():
            assert node.name is not None, "a selector without a metric's name"
            yield Wanted(node.name, by | {matcher.name for matcher in node.matchers.matchers})
        case promql.MatrixSelector():
            yield from _wanted(node.vector_selector, by)
        case promql.AggregateExpr():
            kept = node.modifier is not None and node.modifier.type == promql.AggModifierType.By
            yield from _wanted(node.expr, frozenset(node.modifier.labels) if kept and node.modifier else by)
        case promql.BinaryExpr():
            on = _matched(node)
            yield from _wanted(node.lhs, by | on)
            yield from _wanted(node.rhs, on)
        case promql.Call():
            for argument in node.args:
                if isinstance(argument, promql.Expr):
                    yield from _wanted(argument, by - {"le"} if node.func.name == "histogram_quantile" else by)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _wanted(node.expr, by)


def _matched(node: promql.BinaryExpr) -> frozenset[str]:
    modifier = node.modifier
    if modifier is None or modifier.matching is None or modifier.matching.type != promql.LabelModifierType.Include:
        return frozenset()
    return frozenset(modifier.matching.labels)
