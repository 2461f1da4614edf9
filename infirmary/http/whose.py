"""Finds the person whom a request is about, by the one field that a service calls a person by. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

_PARTS: Final = ("path", "body", "query")


@dataclass(frozen=True, slots=True)
class Whose:
    """Where an endpoint's requests name the person.

    Attributes:
        field: What the service calls a person's id; empty where it knows of none.
        part: `path`, `body` or `query`, where a request says it; `answer` where only the answer does; empty for an
            endpoint that is about no person.
        tells_of_several: Whether the answer tells of persons, and may do so of more than one.
    """

    field: str = ""
    part: str = ""
    tells_of_several: bool = False

    def person(self, said: Mapping[str, Any], answer: object) -> UUID | None:
        """Returns the person; None where none is named, or by what is no id.

        Args:
            said: The parts of the request as they were sent, and its body as it was understood.
            answer: What is answered, where it went well, or what was refused.
        """
        named = answer if self.part == "answer" else said.get(self.part)
        value = named.get(self.field) if isinstance(named, Mapping) else getattr(named, self.field, None)
        if isinstance(value, UUID):
            return value
        try:
            return UUID(value) if isinstance(value, str) and len(value) == 36 else None
        except ValueError:
            return None

    def is_of_several(self, person: UUID | None) -> bool:
        """Says whether the answer may tell of several persons: a list that was narrowed to one does not."""
        return self.tells_of_several and (person is None or self.part == "answer")


def whose(field: str | None, takes: Mapping[str, Any], answer: type[BaseModel]) -> Whose:
    """Returns where an endpoint's requests name the person.

    Args:
        field: What the service calls a person's id; None where it knows of no persons.
        takes: The endpoint's annotations.
        answer: The model of a good answer. One that has the id under another name says so: by a property of this name,
            or by `tells_of_persons` where it has several.
    """
    if field is None:
        return Whose()
    by_path_or_body = next((part for part in _PARTS[:2] if _has(takes.get(part), field)), None)
    if by_path_or_body is not None:
        return Whose(field, by_path_or_body)
    tells = getattr(answer, "tells_of_persons", f'"{field}"' in json.dumps(answer.model_json_schema()))
    if _has(takes.get("query"), field):
        return Whose(field, "query", tells)
    if _has(answer, field):
        return Whose(field, "answer")
    return Whose(field, "", tells)


def _has(model: Any, field: str) -> bool:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return False
    return field in model.model_fields or isinstance(getattr(model, field, None), property)
