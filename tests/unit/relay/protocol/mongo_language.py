"""As much of MongoDB's query language as the relay uses: which documents are found, and what an update makes of one."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Document = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REMOVE = object()


def moment(now: float) -> datetime:
    """The database's time, as `$$NOW` gives it."""
    return _EPOCH + timedelta(days=365, seconds=now)


def is_found(document: Mapping[str, Any], query: Mapping[str, Any], now: float) -> bool:
    """Whether a query finds a document."""
    return all(_holds(document, name, condition, now) for name, condition in query.items())


def _holds(document: Mapping[str, Any], name: str, condition: Any, now: float) -> bool:
    if name == "$or":
        return any(is_found(document, each, now) for each in condition)
    if name == "$expr":
        return bool(value_of(condition, {"": document}, now))
    value = document.get(name)
    if not isinstance(condition, dict):
        return bool(value == condition)
    return all(_OPERATORS[operator](value, wanted) for operator, wanted in condition.items())


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$exists": lambda value, wanted: (value is not None) == wanted,
    "$in": lambda value, wanted: value in wanted,
    "$nin": lambda value, wanted: value not in wanted,
    "$size": lambda value, wanted: len(value) == wanted,
    "$not": lambda value, wanted: not (wanted == {"$type": "array"} and isinstance(value, list)),
    "$elemMatch": lambda value, wanted: any(is_found(each, wanted, 0.0) for each in value),
}


def value_of(expression: Any, variables: Mapping[str, Any], now: float) -> Any:
    """What an expression gives; the document is the variable without a name.

    Raises:
        NotImplementedError: The relay has begun to use an operator that is not known here.
    """
    if isinstance(expression, str) and expression.startswith("$"):
        return _named(expression, variables, now)
    if isinstance(expression, list):
        return [value_of(each, variables, now) for each in expression]
    if not isinstance(expression, dict):
        return expression
    ((operator, argument),) = expression.items()
    if operator == "$filter":
        elements = value_of(argument["input"], variables, now)
        return [each for each in elements if value_of(argument["cond"], {**variables, "this": each}, now)]
    values = value_of(argument, variables, now)
    match operator:
        case "$add":
            return values[0] + timedelta(milliseconds=values[1])
        case "$toLong":
            return int((values - _EPOCH).total_seconds() * 1000)
        case "$lt":
            return values[0] < values[1]
        case "$gte":
            return values[0] >= values[1]
        case "$eq":
            return values[0] == values[1]
        case "$in":
            return values[0] in values[1]
        case "$not":
            return not values[0]
        case "$cond":
            return values[1] if values[0] else values[2]
    raise NotImplementedError(operator)


def _named(expression: str, variables: Mapping[str, Any], now: float) -> Any:
    if expression == "$$NOW":
        return moment(now)
    if expression == "$$REMOVE":
        return _REMOVE
    if expression.startswith("$$"):
        variable, _, name = expression[2:].partition(".")
        return variables[variable].get(name)
    return variables[""].get(expression[1:])


def updated(document: Document, update: Any, now: float, *, is_new: bool) -> Document:
    """What an update makes of a document: a pipeline of `$set`, or `$set` and `$setOnInsert`."""
    document = dict(document)
    if isinstance(update, list):
        for step in update:
            values = {name: value_of(expression, {"": document}, now) for name, expression in step["$set"].items()}
            document |= values
            document = {name: value for name, value in document.items() if value is not _REMOVE}
        return document
    document |= update.get("$set", {})
    return document | update["$setOnInsert"] if is_new and "$setOnInsert" in update else document
