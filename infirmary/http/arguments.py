"""Validates what a request holds: the parts of it that an endpoint asks for."""

import json
from collections.abc import Callable
from typing import Any, Final

from flask import request
from pydantic import BaseModel, ValidationError

from infirmary.http.json_answer import JSON
from infirmary.http.problems import Problem, invalid, not_found, unprocessable


def arguments_of(takes: dict[str, Any], path: dict[str, str]) -> dict[str, BaseModel]:
    """Returns the parts of the request in hand that a function asks for.

    Args:
        takes: The function's annotations.
        path: What the rule has found in the path.

    Raises:
        Problem: One of them is not what it should be.
    """
    found: dict[str, BaseModel] = {}
    if "path" in takes:
        try:
            found["path"] = takes["path"].model_validate(path)
        except ValidationError as error:
            if request.method == "PUT" and error.errors()[0]["type"] == "string_pattern_mismatch":
                raise invalid("path", error) from None  # an id that the client chose, and may choose better
            raise not_found(f"such thing as {request.path}") from None
    if "query" in takes or request.query_string:
        found |= _query(takes.get("query"))
    if "body" in takes:
        if request.content_type != JSON:
            _check_content_type()
        body = request.get_data()
        found["body"] = _valid("body", takes["body"].model_validate_json, body)
        _FIELDS_ONCE.decode(body.decode())
    return found


def _check_content_type() -> None:
    if request.mimetype != JSON:
        raise Problem(415, f"the body should be application/json, not {request.mimetype or 'without a type'}")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise Problem(415, f"the body should be written in utf-8, not in {charset[:40]!r}")


def _query(kind: type[BaseModel] | None) -> dict[str, BaseModel]:
    """Validates the parameters. One too many is refused: it is a typing error, or somebody's value would be lost."""
    given = request.args.to_dict(flat=False)
    for name, values in given.items():
        if len(values) > 1:
            raise unprocessable(f"query.{name}", "should be given once")
        if kind is None:
            raise unprocessable(f"query.{name}", "is not known here; this takes no parameters")
    if kind is None:
        return {}
    return {"query": _valid("query", kind.model_validate, {name: values[0] for name, values in given.items()})}


def _given_once(fields: list[tuple[str, Any]]) -> None:
    """Refuses a field that is there twice: nobody knows which of the values was meant."""
    if len(dict(fields)) == len(fields):
        return
    names = [name for name, _ in fields]
    for name in names:
        if names.count(name) > 1:
            raise unprocessable(f"body.{name}", "should be given once")


_FIELDS_ONCE: Final = json.JSONDecoder(object_pairs_hook=_given_once)


def _valid(part: str, validate: Callable[[Any], BaseModel], value: object) -> BaseModel:
    try:
        return validate(value)
    except ValidationError as error:
        raise invalid(part, error) from None
