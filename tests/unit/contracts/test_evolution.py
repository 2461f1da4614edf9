"""A published schema may gain fields and nothing else."""

from typing import Any, Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from contracts.evolution import Break, breaks
from tests.unit.contracts.schema_pairs import NAMES, Schema, messages, on_a_busy_machine


def schema(**fields: Any) -> Schema:
    complete: dict[str, Any] = {
        name: field if isinstance(field, tuple) else (field, ...) for name, field in fields.items()
    }
    example: type[BaseModel] = create_model("Example", **complete)
    return example.model_json_schema(mode="serialization")


BEFORE = schema(price=str, kind=Literal["a", "b"])

FORBIDDEN = {
    "a field is removed": (schema(kind=Literal["a", "b"]), Break("price", "is gone")),
    "a field is renamed": (schema(unit_price=str, kind=Literal["a", "b"]), Break("price", "is gone")),
    "a type is changed": (schema(price=float, kind=Literal["a", "b"]), Break("price", "was string, is number")),
    "a field becomes optional": (
        schema(price=(str, ""), kind=Literal["a", "b"]),
        Break("price", "was always there, is optional"),
    ),
    "a field may be null": (
        schema(price=str | None, kind=Literal["a", "b"]),
        Break("price", "was string, is string or null"),
    ),
    "a value is added": (
        schema(price=str, kind=Literal["a", "b", "c"]),
        Break("kind", 'was "a" or "b", is "a", "b" or "c"'),
    ),
    "a value is removed": (
        schema(price=str, kind=Literal["a"]),
        Break("kind", 'was "a" or "b", is "a", and the log still holds the former'),
    ),
}


@pytest.mark.parametrize(("after", "expected"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_is_a_break_when(after: Schema, expected: Break) -> None:
    assert breaks(BEFORE, after) == [expected]


@on_a_busy_machine
@given(messages, st.sampled_from(["string", "integer", "null"]))
def test_a_field_may_be_added(before: Schema, kind: str) -> None:
    after = {
        **before,
        "properties": {**before["properties"], "new": {"type": kind}},
        "required": [*before["required"], "new"],
    }
    assert breaks(before, after) == []


@on_a_busy_machine
@given(messages, st.sampled_from(NAMES))
def test_a_field_that_was_always_there_may_not_go(before: Schema, name: str) -> None:
    assume(name in before["required"])
    after = {
        **before,
        "properties": {other: field for other, field in before["properties"].items() if other != name},
        "required": [other for other in before["required"] if other != name],
    }
    assert Break(name, "is gone") in breaks(before, after)


@on_a_busy_machine
@given(messages)
def test_words_for_people_may_change(before: Schema) -> None:
    assert breaks(before, {**before, "title": "Another", "description": "Better."}) == []
