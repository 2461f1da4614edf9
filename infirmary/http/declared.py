"""Checks that a function can be the endpoint that it is registered as; done when it is registered."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from infirmary.declaring.declaration import Misdeclared, check_place, named
from infirmary.identity.scopes import Needed

_PARTS: Final = ("path", "query", "body")
_WAYS: Final = ("tx", "db")


def check_endpoint(
    service: str, rule: str, function: Callable[..., Any], takes: Mapping[str, Any], answer: object
) -> None:
    """Makes sure that a function asks for what there is, and that its path is the one of its rule.

    Args:
        service: Whose endpoint it is to be.
        rule: The path, with `<name>` for what `path` holds.
        function: What answers.
        takes: Its annotations.
        answer: The model of a good answer.

    Raises:
        Misdeclared: It would fail at the first request.
    """
    check_place(service, function)
    name = named(function)
    asked = [each for each in takes if each != "return"]
    if unknown := [each for each in asked if each not in (*_PARTS, *_WAYS)]:
        raise Misdeclared(f"{name} asks for {', '.join(unknown)}; an endpoint is given path, query, body, and tx or db")
    if sum(way in takes for way in _WAYS) != 1:
        raise Misdeclared(f"{name} should ask for tx, to write, or for db, to read")
    for part in _PARTS:
        if part in takes and not _is_model(takes[part]):
            raise Misdeclared(f"{name}: {part} should be a pydantic model")
    if not _is_model(answer):
        raise Misdeclared(f"{name} is registered with the answer {answer!r:.80}; it should be a pydantic model")
    in_rule = set(re.findall(r"<(?:\w+:)?(\w+)>", rule))
    in_path = set(takes["path"].model_fields) if "path" in takes else set()
    if in_rule != in_path:
        raise Misdeclared(
            f"{name}: the rule {rule} and its path should have the same names: {_differing(in_rule ^ in_path)}"
        )


def check_scope(function: Callable[..., Any], scope: str | None, without: Mapping[str, str]) -> Needed:
    """Returns what an endpoint asks of its callers.

    Raises:
        Misdeclared: It asks for nothing, so that everybody could call it.
    """
    if scope is None:
        raise Misdeclared(f"{named(function)} names no scope; say who may call it, as scope=")
    try:
        return Needed(scope, without)
    except ValueError as error:
        raise Misdeclared(f"{named(function)} {error}") from None


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _differing(names: set[str]) -> str:
    return f"{', '.join(sorted(names))} {'is' if len(names) == 1 else 'are'} in one of them only"
