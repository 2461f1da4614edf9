"""Answers to what never becomes a request: problem details like all others, and then the end of the connection."""

import time
from http import HTTPStatus
from wsgiref.handlers import format_date_time

from infirmary.http.counts import count_refusal
from infirmary.http.problems import PROBLEM_TYPE, RETRY_AFTER_S, ProblemDetails, title_of
from infirmary.http.safety import SAFE_HEADERS
from infirmary.identifiers import new_id

STATUSES = (400, 408, 413, 414, 417, 431, 500, 501, 503, 505)
"""Every one that is given here."""


def refusal(status: int, detail: str, seconds: float = 0.0) -> bytes:
    """Returns an answer's bytes; the connection is to be closed after them.

    Args:
        status: Of the answer.
        detail: What is wrong.
        seconds: For how long a whole request has waited to be refused.
    """
    count_refusal(status, seconds)
    details = ProblemDetails(title=title_of(status), status=status, detail=detail, instance="")
    body = details.model_dump_json().encode()
    headers = {
        "Date": format_date_time(time.time()),
        "Connection": "close",
        "Content-Type": PROBLEM_TYPE,
        "Content-Length": str(len(body)),
        "X-Correlation-ID": str(new_id()),
        **SAFE_HEADERS,
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    lines = [f"HTTP/1.1 {status} {title_of(status)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
