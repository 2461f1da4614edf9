"""The body of a message, read as its reader declares it. Pure."""

from typing import TypeVar

from pydantic import ValidationError

from infirmary.messages import Message
from infirmary.transport.envelope import MalformedMessage
from infirmary.upcasting import lifted

M = TypeVar("M", bound=Message)


def read_body(kind: type[M], body: bytes) -> M:
    """Returns the body as the reader declares it; one of an earlier shape is lifted, where the reader says how.

    Raises:
        MalformedMessage: The body is not JSON, or lacks a field that the reader needs; the text names it.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        if (found := lifted(kind, body)) is not None:
            return found
        wrong = [
            f"{'.'.join([kind.__name__, *map(str, each['loc'])])}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise MalformedMessage("; ".join(wrong)) from error
