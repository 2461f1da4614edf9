"""Errors as RFC 9457 problem details: what is wrong, in which field, and what would be right."""

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="path of the field, for example `body.full_name`")
    message: str


class ProblemDetails(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem] = []


def title_of(status: int) -> str:
    """Returns the name of a status."""
    return HTTP_STATUS_CODES.get(status, "Error")


class Problem(Exception):
    """Ends a request with a problem; the transaction is rolled back."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[FieldProblem] | None = None,
        headers: Mapping[str, str] | None = None,
        about: object = None,
    ) -> None:
        """Says what is wrong.

        Args:
            status: What is answered.
            detail: In words.
            errors: In which fields.
            headers: What else is answered.
            about: What was asked for, if it is known: by it the record of access says of whom. Nothing of it is shown.
        """
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors or [], dict(headers or {})
        self.about = about

    def response(self) -> Response:
        """Returns the answer."""
        details = ProblemDetails(
            title=title_of(self.status),
            status=self.status,
            detail=self.detail,
            instance=request.path,
            errors=self.errors,
        )
        return Response(details.model_dump_json(), self.status, self.headers, content_type=PROBLEM_TYPE)


def not_found(what: str) -> Problem:
    """Returns the problem of something that does not exist here (yet)."""
    return Problem(404, f"there is no {what}")


def gone(what: str) -> Problem:
    """Returns the problem of something that was here and was erased for good."""
    return Problem(410, f"{what} was erased")


def conflict(why: str, about: object = None) -> Problem:
    """Returns the problem of a call that the state does not allow.

    Args:
        why: What state that is.
        about: What is in that state, where neither path nor body says of which person it is.
    """
    return Problem(409, why, about=about)


def unprocessable(field: str, message: str) -> Problem:
    """Returns the problem of a field that is well-formed but cannot be used."""
    return Problem(422, message, [FieldProblem(field=field, message=message)])


def unavailable(why: str) -> Problem:
    """Returns the problem of a database that is away or busy: the same request may succeed in a moment."""
    return Problem(503, why, headers={"Retry-After": str(RETRY_AFTER_S)})


def invalid(part: str, error: ValidationError) -> Problem:
    """Returns the problem of input that pydantic refuses.

    Args:
        part: Where the input was: `body`, `query` or `header`.
        error: What pydantic says. Input that is not JSON at all is 400, everything else 422.
    """
    found = [
        FieldProblem(field=".".join([part, *(str(step) for step in each["loc"])]), message=each["msg"])
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    malformed = any(each["type"] == "json_invalid" for each in error.errors(include_url=False, include_context=False))
    detail = "; ".join(f"{each.field}: {each.message}" for each in found)
    return Problem(400 if malformed else 422, detail, found)


def from_http_exception(error: HTTPException) -> Response:
    """Returns flask's own errors (no such page, method not allowed) as problem details."""
    headers = {key: value for key, value in error.get_headers() if key.lower() == "allow"}
    return Problem(error.code or 500, error.description or error.name, headers=headers).response()


def documented(statuses: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """Returns the OpenAPI entries of the problems that an operation may answer with."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {str(status): {"description": title_of(status), "content": content} for status in statuses}
