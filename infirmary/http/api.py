"""Turns a service's functions into endpoints: what a function asks for by its parameters, it gets.

`path`, `query` and `body` are validated pydantic models; `tx` is a transaction that is committed when the function
returns; `db` reads without one. The function returns a model, `Created`, or `Afterwards`.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints
from urllib.parse import quote

from flask import Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field
from pydantic_core import from_json

from infirmary.declaring.declaration import Misdeclared, named
from infirmary.http import idempotency, problems
from infirmary.http.arguments import arguments_of
from infirmary.http.counts import TURNED_AWAY
from infirmary.http.declared import check_endpoint, check_scope
from infirmary.http.entering import SCHEME, let_in
from infirmary.http.json_answer import JSON, JsonAnswer
from infirmary.http.on_record import Asked, record_of_app
from infirmary.http.refusals import STATUSES as THE_SERVERS_OWN
from infirmary.http.whose import Whose, whose
from infirmary.identifiers import service_name
from infirmary.identity.caller import Caller
from infirmary.identity.scopes import Needed
from infirmary.tracing.causation import Causation

ALWAYS_POSSIBLE = (401, 403, 422, 503)
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

    def __init__(self, service: str, about: str | None = None) -> None:
        """Makes an empty table of endpoints.

        Args:
            service: Whose they are.
            about: The field that has the id of the person whom a request or an answer is about, where the service has
                anything about persons: by it answers that are kept with their keys are found when the person is erased,
                and the record of access says whom a request was about.
        """
        self.service, self._about = service_name(service), about
        whole = Tag(name=service, description=f"All that {service} answers.")
        self.blueprint = APIBlueprint(service, service, abp_tags=[whole])
        self.creating: set[tuple[str, str]] = set()
        self.media_types: dict[tuple[str, str], str] = {}
        self.routes: list[tuple[str, str, Iterable[int]]] = []
        self._rules: dict[tuple[str, str], Endpoint] = {}

    def endpoint(
        self,
        method: str,
        rule: str,
        answer: type[BaseModel],
        status: int = 200,
        errors: tuple[int, ...] = (),
        *,
        scope: str | None = None,
        scope_without: Mapping[str, str] = MappingProxyType({}),
    ) -> Callable[[Endpoint], Endpoint]:
        """Registers a function as an endpoint.

        Args:
            method: `GET`, `POST`, `PUT` or `DELETE`.
            rule: The path, with `<name>` for what `path` holds.
            answer: The model of a good answer.
            status: The status of a good answer.
            errors: The problems that it may answer with, besides bad input, a caller who may not, and a database away.
            scope: What a caller has to be allowed to; one has to be named.
            scope_without: The scope in its place while a query parameter, which is the key, is not given.
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
            needed = check_scope(function, scope, scope_without)
            possible = {*ALWAYS_POSSIBLE, *errors, *((400, 415) if "body" in takes else ())}
            possible |= {404} if "path" in takes else set()
            possible |= {409} if method == "POST" else set()  # a key whose answer was lost with a restored database
            self.routes.append((method, rule, (status, 500, *sorted(possible))))
            documented_as = method.lower(), re.sub("<([^>]*)>", r"{\1}", rule)
            if takes.get("return") is Created:
                self.creating.add(documented_as)
            self.media_types[documented_as] = _media_type(answer)
            possible |= {*THE_SERVERS_OWN, *TURNED_AWAY}
            route = getattr(self.blueprint, method.lower())
            documented = {str(status): answer, **problems.documented(tuple(sorted(possible)))}
            summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
            description += needed.words()
            secured = needed.security(SCHEME)
            route(rule, responses=documented, summary=summary, description=description, security=secured)(
                self._view(function, takes, method, rule, status, needed, whose(self._about, takes, answer))
            )
            return function

        return register

    def _view(
        self,
        function: Endpoint,
        takes: dict[str, Any],
        method: str,
        rule: str,
        status: int,
        needed: Needed,
        about: Whose,
    ) -> Endpoint:
        @wraps(function)
        def view(**path: str) -> Response:
            asked = g.asked = Asked(rule, needed.scope, about, {"path": path, "query": request.args})
            caller = let_in(needed)
            cause: Causation = g.cause
            arguments = arguments_of(takes, path)
            asked.said["body"] = arguments.get("body")
            record = record_of_app()
            storage = current_app.extensions["storage"]
            if "tx" not in takes:
                return _tried_twice(storage, lambda: _read(storage, lambda db: function(db=db, **arguments), status))

            def work() -> Response | Afterwards:
                key = idempotency.checked_key(request.headers.get("Idempotency-Key")) if method == "POST" else None
                scope = _scope(arguments, caller)
                because = cause if key is None else idempotency.asked_by(cause, scope, key)
                with storage.write(because) as tx:
                    result: Response | Afterwards
                    if key is not None:
                        act = partial(function, tx=tx, **arguments)
                        result = _answer_once(tx, scope, key, act, status, self._about)
                    else:
                        found = function(tx=tx, **arguments)
                        result = found if isinstance(found, Afterwards) else _answer(found, status)
                    if record is not None:
                        record.with_change(tx, result.status_code if isinstance(result, Response) else status)
                asked.is_on_record = record is not None
                return result

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


def _answer(result: BaseModel | Created, status: int) -> Response:
    view = result.view if isinstance(result, Created) else result
    g.asked.view = view
    location = result.location if isinstance(result, Created) else None
    return JsonAnswer(view.model_dump_json().encode(), status, location, _media_type(view))


def _media_type(view: object) -> str:
    """Returns what kind of JSON an answer is: its model may say so, as `media_type`."""
    kind: str = getattr(view, "media_type", JSON)
    return kind


def _scope(arguments: dict[str, BaseModel], caller: Caller | None) -> str:
    """Returns method, path, in which an id is the same however it was spelled, and who asks where that is known."""
    rule = request.url_rule.rule if request.url_rule else request.path
    for name, value in arguments.get("path", ()):
        rule = rule.replace(f"<{name}>", str(value))
    return f"{request.method} {rule}" if caller is None else f"{request.method} {rule} {quote(caller.subject, '')}"


def _answer_once(
    tx: Any, scope: str, key: str, act: Callable[[], BaseModel | Created], status: int, about: str | None
) -> Response:
    first = idempotency.claim(tx, scope, key, request.get_data())
    if first is not None:
        g.asked.view = from_json(first.body)
        return JsonAnswer(first.body, first.status, first.location)
    result = act()
    answer, view = _answer(result, status), result.view if isinstance(result, Created) else result
    person = None if about is None else getattr(view, about, None)
    idempotency.remember(tx, scope, key, answer.status_code, answer.headers.get("Location"), answer.get_data(), person)
    return answer
