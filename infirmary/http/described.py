"""What the OpenAPI document says of every operation alike, beside what each of them declares."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from infirmary.http.json_answer import JSON

ABOUT: Final = (
    "Whatever goes wrong is answered with problem details (RFC 9457) that name the field. A POST with an"
    " `Idempotency-Key` is safe to repeat: the same key and body get the first answer again. Lists are pages, which"
    " `next_cursor` leads through. No answer may be kept by a cache."
)

_CORRELATION: Final = {
    "description": "by which the request is found in logs, messages and traces; the one that came with it, if one did",
    "schema": {"type": "string"},
}
_LOCATION: Final = {"description": "the path of what was begun or created", "schema": {"type": "string"}}
_RETRY_AFTER: Final = {
    "description": "seconds after which the same request is worth another try",
    "schema": {"type": "integer", "minimum": 1},
}
_CHALLENGE: Final = {"description": "what a token would have to be like (RFC 6750)", "schema": {"type": "string"}}
_WAIT: Final = ("429", "503")
_ANOTHER_TOKEN: Final = ("401", "403")


def complete(
    document: dict[str, Any], creating: Collection[tuple[str, str]], media_types: Mapping[tuple[str, str], str]
) -> None:
    """Adds the server, the headers of each answer and its kind of JSON; writes examples as OpenAPI 3.1 has them.

    Args:
        document: The OpenAPI document, which is changed.
        creating: Method, in small letters, and path of each operation whose good answers name a place.
        media_types: What kind of JSON the good answers of each operation are.
    """
    for schema in document["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            if "example" in field:  # as OpenAPI 3.0 wrote it, and the library still does
                field["examples"] = [field.pop("example")]
    document["servers"] = [{"url": "/", "description": "where this document comes from"}]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                parameter["schema"].pop("example", None)  # it is the parameter's own
            for status, answer in operation["responses"].items():
                headers = answer.setdefault("headers", {})
                headers["X-Correlation-ID"] = _CORRELATION
                if status in _WAIT:
                    headers["Retry-After"] = _RETRY_AFTER
                if status in _ANOTHER_TOKEN:
                    headers["WWW-Authenticate"] = _CHALLENGE
                if not status.startswith("2"):
                    continue
                if (method, path) in creating:
                    headers["Location"] = _LOCATION
                content = answer.get("content", {})
                if (schema := content.pop(JSON, None)) is not None:
                    content[media_types.get((method, path), JSON)] = schema
