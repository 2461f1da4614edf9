"""The JSON Schemas of what is written and of what is needed."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

ENDS = "x-ends-subject"
"""Marks the schema of an event that nothing is expected to follow of its subject."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _EveryFieldIsWritten(GenerateJsonSchema):
    """A message is written whole: a field with a default is there, too, though pydantic calls it optional."""

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ARG002 - pydantic's signature
        return True


def written_schema(message: type[BaseModel]) -> dict[str, Any]:
    """Returns the schema of what `encode` writes."""
    return {
        "$schema": DIALECT,
        **message.model_json_schema(mode="serialization", schema_generator=_EveryFieldIsWritten),
    }


def needed_schema(message: type[BaseModel]) -> dict[str, Any]:
    """Returns the schema of what `read_body` can read."""
    return {"$schema": DIALECT, **message.model_json_schema(mode="validation")}
