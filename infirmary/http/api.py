"""Turns a service's functions into endpoints: what a function asks for by its parameters, it gets.

`path`, `query` and `body` are validated pydantic models; `tx` is a transaction that is committed when the function
returns; `db` reads without one. The function returns a model, `Created`, or `Afterwards`.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Final, TypeVar, get_type_hints

from flask import Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field, ValidationError

from infirmary.declaring.declaration import Misdeclared, named
from infirmary.http import idempotency, problems
from infirmary.http.declared import check_endpoint
from infirmary.http.json_answer import JSON, JsonAnswer
from infirmary.http.problems import Problem, invalid, unprocessable
from infirmary.http.refusals import STATUSES as THE_SERVERS_OWN
from infirmary.identifiers import service_name
from infirmary.tracing.causation import Causation

ALWAYS_POSSIBLE = (422, 503)
Endpoint = Callable[..., Any]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Created:
    """An answer that names where the new thing is."""

    view: BaseModel
    location: str


@dataclass(frozen=True, slots=True)
class Afterwards:
    """An answer that is read when the transaction is over, and no lock is held while a document is put together.

    Not for a POST: what it answers is stored with its key, in the transaction.
    """

    read: Callable[[Any], BaseModel]


class IdempotencyHeader(BaseModel):
    """The header that makes a POST safe to repeat."""

    idempotency_key: str | None = Field(
        default=None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=idempotency.LONGEST_KEY,
        pattern=r"^[\x20-\x7e]+$",
        description="the same key and body get the first answer again",
    )


class Api:
    """The endpoints of one service."""

    def __init__(self, service: str) -> None:
        self.service = service_name(service)
        self.blueprint = APIBlueprint(service, service)
        self.routes: list[tuple[str, str, Iterable[int]]] = []
        self._rules: dict[tuple[str, str], Endpoint] = {}

    def endpoint(
        self, method: str, rule: str, answer: type[BaseModel], status: int = 200, errors: tuple[int, ...] = ()
    ) -> Callable[[Endpoint], Endpoint]:
        """Registers a function as an endpoint.

        Args:
            method: `GET`, `POST` or `PUT`.
            rule: The path, with `<name>` for what `path` holds.
            answer: The model of a good answer.
            status: The status of a good answer.
            errors: The problems that it may answer with, besides bad input and a database that is away.
        """

        def register(function: Endpoint) -> Endpoint:
            takes = get_type_hints(function)
            check_endpoint(self.service, rule, function, takes, answer)
            if method == "POST" and takes.get("return") is Afterwards:
                raise TypeError(f"{function.__name__} is a POST: its answer is stored in the transaction")
            other = self._rules.setdefault((method, re.sub("<[^>]*>", "<>", rule)), function)
            if other is not function:
                raise Misdeclared(
                    f"{method} {rule} is answered by {named(other)} and by {named(function)}; leave one out"
                )
            possible = {*ALWAYS_POSSIBLE, *errors, *((400, 415) if "body" in takes else ())}
            possible |= {404} if "path" in takes else set()
            self.routes.append((method, rule, (status, 500, *sorted(possible))))
            possible |= {*THE_SERVERS_OWN}
            route = getattr(self.blueprint, method.lower())
            documented = {str(status): answer, **problems.documented(tuple(sorted(possible)))}
            summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
            route(rule, responses=documented, summary=summary, description=description)(
                self._view(function, takes, method, status)
            )
            return function

        return register

    def _view(self, function: Endpoint, takes: dict[str, Any], method: str, status: int) -> Endpoint:
        @wraps(function)
        def view(**path: str) -> Response:
            cause: Causation = g.cause
            arguments = _arguments(takes, path)
            storage = current_app.extensions["storage"]
            if "tx" not in takes:
                return _tried_twice(storage, lambda: _read(storage, lambda db: function(db=db, **arguments), status))

            def work() -> Response | Afterwards:
                key = idempotency.checked_key(request.headers.get("Idempotency-Key")) if method == "POST" else None
                with storage.write(cause) as tx:
                    if key is not None:
                        act = partial(function, tx=tx, **arguments)
                        return _answer_once(tx, _scope(arguments), key, lambda: _answer(act(), status))
                    result = function(tx=tx, **arguments)
                    return result if isinstance(result, Afterwards) else _answer(result, status)

            result = _tried_twice(storage, work)
            if isinstance(result, Response):
                return result
            return _tried_twice(storage, lambda: _read(storage, result.read, status))

        # flask-openapi3 documents what is annotated. Validation is ours: its own takes malformed JSON for an empty
        # body.
        view.__annotations__ = {name: kind for name, kind in takes.items() if name in ("path", "query", "body")}
        if method == "POST":
            view.__annotations__["header"] = IdempotencyHeader
        del view.__wrapped__  # or annotations are taken from the function
        view.__delay_validate_request__ = True  # type: ignore[attr-defined]
        return view


def _tried_twice(storage: Any, work: Callable[[], _T]) -> _T:
    """Does the work, and once more when it was rolled back for a reason that is over."""
    try:
        return work()
    except Exception as error:
        if not storage.may_repeat(error):
            raise
    return work()


def _read(storage: Any, view: Callable[[Any], BaseModel], status: int) -> Response:
    with storage.read() as db:
        return _answer(view(db), status)


def _arguments(takes: dict[str, Any], path: dict[str, str]) -> dict[str, BaseModel]:
    """Validates the parts of the request that a function asks for."""
    found: dict[str, BaseModel] = {}
    if "path" in takes:
        try:
            found["path"] = takes["path"].model_validate(path)
        except ValidationError as error:
            if request.method == "PUT" and error.errors()[0]["type"] == "string_pattern_mismatch":
                raise invalid("path", error) from None  # an id that the client chose, and may choose better
            raise problems.not_found(f"such thing as {request.path}") from None
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


def _answer(result: BaseModel | Created, status: int) -> Response:
    view = result.view if isinstance(result, Created) else result
    return JsonAnswer(view.model_dump_json().encode(), status, result.location if isinstance(result, Created) else None)


def _scope(arguments: dict[str, BaseModel]) -> str:
    """Returns method and path, in which an id is the same however it was spelled."""
    rule = request.url_rule.rule if request.url_rule else request.path
    for name, value in arguments.get("path", ()):
        rule = rule.replace(f"<{name}>", str(value))
    return f"{request.method} {rule}"


def _answer_once(tx: Any, scope: str, key: str, work: Callable[[], Response]) -> Response:
    first = idempotency.claim(tx, scope, key, request.get_data())
    if first is not None:
        return JsonAnswer(first.body, first.status, first.location)
    answer = work()
    idempotency.remember(tx, scope, key, answer.status_code, answer.headers.get("Location"), answer.get_data())
    return answer
