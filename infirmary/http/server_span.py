"""The span of a request, by OpenTelemetry's conventions for HTTP; what the request writes is its child."""

from dataclasses import replace

from flask import Flask, Response, g, request

from infirmary.tracing.causation import Causation
from infirmary.tracing.spans import Span, Value
from infirmary.tracing.trace_context import traceparent_of
from infirmary.tracing.tracer import Tracer

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_OTHER = "_OTHER"


def tell_requests(app: Flask, tracer: Tracer) -> None:
    """Tells of each request in a sampled trace, if anybody takes it; after what gives it its cause and counts it."""
    if not tracer.is_on:
        return

    @app.before_request
    def begin() -> None:
        cause: Causation = g.cause
        if g.is_counted and tracer.wants(cause.traceparent):
            g.span = _begun(cause)
            g.cause = replace(cause, traceparent=g.span.traceparent)

    @app.after_request
    def end(response: Response) -> Response:
        span: Span | None = g.pop("span", None)
        if span is not None:
            span.attributes = {**span.attributes, "http.response.status_code": response.status_code}
            if response.status_code >= 500:
                span.error = str(response.status_code)
            tracer.tell([span])
        return response


def _begun(cause: Causation) -> Span:
    has_parent = traceparent_of(request.headers.get("traceparent")) is not None
    method = request.method if request.method in _METHODS else _OTHER
    attributes: dict[str, Value] = {
        "http.request.method": method,
        "url.path": request.path,
        "url.scheme": request.scheme,
        "infirmary.correlation_id": cause.correlation_id,
    }
    name = method if method != _OTHER else "HTTP"
    if request.url_rule is not None:
        attributes["http.route"] = request.url_rule.rule
        name = f"{name} {request.url_rule.rule}"
    return Span(
        name,
        "server",
        cause.next_traceparent() if has_parent else cause.traceparent,
        cause.traceparent if has_parent else None,
        cause.tracestate,
        attributes=attributes,
    )
