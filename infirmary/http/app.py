"""Makes a service's flask application: its endpoints, and what all services answer alike."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from flask import Flask, Response, g, jsonify, request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.exceptions import HTTPException

from infirmary.http.api import Api
from infirmary.http.callers import Knows, limit_callers
from infirmary.http.counts import ACTIVE, RequestCounts
from infirmary.http.described import ABOUT, complete
from infirmary.http.docs_login import DocsLogin, with_login
from infirmary.http.entering import SECURITY, Asks, guard
from infirmary.http.hosts import check_hosts
from infirmary.http.incoming import LARGEST_REQUEST_BYTES
from infirmary.http.on_record import put_on_record, refused
from infirmary.http.problems import Problem, ProblemDetails, from_http_exception, unavailable, unprocessable
from infirmary.http.recorded import Recorded
from infirmary.http.refusals import STATUSES as REFUSED
from infirmary.http.request_log import RequestLog
from infirmary.http.safety import make_safe
from infirmary.http.server_span import tell_requests
from infirmary.incarnation import DatabaseSetBack
from infirmary.messages import Notice
from infirmary.observing.json_logging import CORRELATION_ID
from infirmary.observing.pool_state import PoolState
from infirmary.observing.readiness import ProcessProblem
from infirmary.tracing.causation import Causation, causation_of
from infirmary.tracing.trace_context import is_sampled
from infirmary.tracing.tracer import NO_TRACER, Tracer
from infirmary.transport.envelope import MessageTooLarge

_logger = logging.getLogger(__name__)

# A connection that is lost during the commit leaves the question open.
_AWAY = (
    "the database is away or busy, and it is not known whether the request was carried out; repeat it, a POST with the "
    "same Idempotency-Key"
)


_PROBES = ("healthz", "readyz", "metrics")
"""Endpoints that are no requests of a client."""


class Storage(Protocol):
    """The service's database as its API uses it."""

    def problem(self) -> ProcessProblem | None:
        """Returns why the database cannot be used now, or None."""
        ...

    def tell(self, notice: Notice, to: str) -> None:
        """Tells another service something; returns when that is durable."""
        ...

    def pool(self) -> PoolState:
        """Returns how its connections are used."""
        ...

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same request may succeed in a moment."""
        ...

    def may_repeat(self, error: BaseException) -> bool:
        """Says whether a request that has failed so, and has changed nothing, is worth another try at once."""
        ...


def _nobody(_: str | None) -> None:
    return None


class _Application(OpenAPI):
    def __init__(self, api: Api, docs_login: DocsLogin | None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._creating, self._media_types = frozenset(api.creating), dict(api.media_types)
        self._docs_login = docs_login
        if docs_login is not None:
            self.config["OAUTH_CONFIG"] = docs_login.page_settings()

    @property
    def api_doc(self) -> dict[str, Any]:
        """The document, with where one logs in as far as that is known by now."""
        place = None if self._docs_login is None else self._docs_login.place()
        return super().api_doc if place is None else with_login(super().api_doc, place)

    def generate_spec_json(self) -> None:
        """Completes what flask-openapi3 says of the endpoints."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        complete(self.spec_json, self._creating, self._media_types)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function: none of ours is a coroutine, and flask would look at each of them at each request."""
        return func


def create_app(
    api: Api,
    storage: Storage,
    version: str = "1.0.0",
    tracer: Tracer = NO_TRACER,
    who_asks: Asks | None = None,
    hosts: Iterable[str] = (),
    caller_requests_per_s: int = 0,
    docs_login: DocsLogin | None = None,
    recorded: Recorded | None = None,
    knows: Knows | None = None,
) -> Flask:
    """Returns the application.

    Args:
        api: The service's endpoints.
        storage: Where they read and write.
        version: The interface's version, for its description.
        tracer: The process's.
        who_asks: Tells who sends a request; without it everybody may do everything.
        hosts: The names of the server that may be registered somewhere.
        caller_requests_per_s: How many requests one caller may send; 0 for no limit.
        docs_login: How the pages of /docs log in; without it they take a token alone.
        recorded: Where the record of access goes; without it there is none.
        knows: Tells whose token it is, of one that `who_asks` has found good.
    """
    info = Info(title=f"Infirmary: {api.service}", version=version, description=ABOUT)
    app = _Application(
        api,
        docs_login,
        api.service,
        info=info,
        doc_prefix="/docs",
        validation_error_model=ProblemDetails,
        security_schemes=SECURITY,
    )
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST_BYTES
    app.extensions["storage"] = storage
    guard(app, who_asks)
    app.register_api(api.blueprint)
    _serve_probes(app, storage)
    _frame_requests(app, RequestCounts(api.routes, REFUSED), tracer, docs_login)
    tell_requests(app, tracer)
    check_hosts(app, hosts)
    limit_callers(app, caller_requests_per_s, None if who_asks is None else knows or _nobody)
    put_on_record(app, storage, recorded)
    app.register_error_handler(Problem, refused)
    app.register_error_handler(HTTPException, from_http_exception)
    app.register_error_handler(DatabaseSetBack, lambda error: unavailable(str(error)).response())
    app.register_error_handler(MessageTooLarge, lambda error: unprocessable("body", str(error)).response())

    @app.errorhandler(Exception)
    def not_expected(error: Exception) -> Response:
        if storage.is_transient(error):
            _logger.warning("the database is away or busy: %s", error)
            return unavailable(_AWAY).response()
        _logger.error("a request failed", exc_info=error)
        return Problem(500, "the request failed; the log has the reason").response()

    return app


def _serve_probes(app: OpenAPI, storage: Storage) -> None:
    def openapi() -> Response:
        return jsonify(app.api_doc)

    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    def readyz() -> Response | dict[str, str]:
        problem = storage.problem()
        return unavailable(problem.words).response() if problem else {"status": "ready"}

    def metrics() -> Response:
        # A scraper with an old address reads this as what it is for a scraper: a comment, and no series.
        return Response("# The metrics are on METRICS_PORT, which no client reaches.\n", 404, mimetype="text/plain")

    for view in (healthz, readyz, metrics):
        Flask.add_url_rule(app, f"/{view.__name__}", view.__name__, view)
    Flask.add_url_rule(app, "/openapi.json", "openapi_json", openapi)


def _frame_requests(app: Flask, counts: RequestCounts, tracer: Tracer, docs_login: DocsLogin | None) -> None:
    """Does what belongs to every request: its own correlation id, counts, a line of the log, headers."""
    request_log = RequestLog(app.name)
    docs_speak_to = docs_login.speaks_to if docs_login else _nobody_else

    @app.before_request
    def start() -> None:
        g.started_at = time.perf_counter()
        sent = request.headers
        traced = sent.get("traceparent"), sent.get("tracestate")
        g.cause = causation_of(sent.get("X-Correlation-ID"), None, *traced, tracer)
        CORRELATION_ID.set(g.cause.correlation_id)
        g.is_counted = request.endpoint not in _PROBES
        if g.is_counted:
            ACTIVE.inc()

    @app.after_request
    def finish(response: Response) -> Response:
        cause = g.cause
        if g.is_counted:
            seconds = time.perf_counter() - g.started_at
            rule = request.url_rule
            counts.count(request.method, rule.rule if rule else None, response.status_code, seconds, _sampled(cause))
            request_log.tell(request, response, seconds, cause)
        response.headers["X-Correlation-ID"] = cause.correlation_id
        make_safe(response, request, docs_speak_to)
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        if g.get("is_counted"):
            ACTIVE.dec()
        CORRELATION_ID.set(None)


def _nobody_else() -> str:
    return ""


def _sampled(cause: Causation) -> str | None:
    """Returns the id of the request's trace, if somebody keeps it."""
    return cause.traceparent[3:35] if is_sampled(cause.traceparent) else None
