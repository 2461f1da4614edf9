"""One line of the log for each request, by which it is found again: by its correlation id, or that of its trace."""

import logging

from flask import Request, Response

from services.chassis.cause import Cause

log = logging.getLogger("services.chassis.http.requests")


def tell(request: Request, response: Response, seconds: float, cause: Cause) -> None:
    """Writes the line. What the client chose is in it only as the route's rule and as its correlation id."""
    if not log.isEnabledFor(logging.INFO):
        return
    rule = request.url_rule
    fields = {
        "method": request.method[:20],
        "route": rule.rule if rule is not None else "other",
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
        "trace_id": cause.traceparent[3:35],
    }
    log.info("answered", extra=fields)
