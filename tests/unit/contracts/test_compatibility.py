"""What one schema writes, another can read: by examples, and against a validator for any pair of schemas."""

from typing import Any, Literal
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from infirmary.declaring.compatibility import Misfit, misfits
from tests.unit.contracts.schema_pairs import Schema, messages, on_a_busy_machine, relatives, values


def schema(**fields: Any) -> Schema:
    """The schema of a message with these fields; `(type, default)` is one that need not be there."""
    complete: dict[str, Any] = {
        name: field if isinstance(field, tuple) else (field, ...) for name, field in fields.items()
    }
    example: type[BaseModel] = create_model("Example", **complete)
    return example.model_json_schema()


class Line(BaseModel):
    code: str
    quantity: int


class Short(BaseModel):
    code: str


class Tree(BaseModel):
    children: list["Tree"]


FITTING = {
    "the same field": (schema(a=str), schema(a=str)),
    "a field that the reader ignores": (schema(a=str, b=int), schema(a=str)),
    "a field that the reader can do without": (schema(a=str), schema(a=str, b=(int, 0))),
    "a field that may be absent and need not be there": (schema(a=(str, "")), schema(a=(str, ""))),
    "an integer for a number": (schema(a=int), schema(a=float)),
    "never null where null is allowed": (schema(a=str), schema(a=str | None)),
    "null where null is allowed": (schema(a=str | None), schema(a=str | None)),
    "a UUID for any text": (schema(a=UUID), schema(a=str)),
    "fewer values than are known": (schema(a=Literal["x"]), schema(a=Literal["x", "y"])),
    "one of several values for any text": (schema(a=Literal["x", "y"]), schema(a=str)),
    "values spread over several types": (schema(a=Literal["x", "y"]), schema(a=Literal["x"] | Literal["y"])),  # noqa: PYI030
    "a longer list of fields inside": (schema(a=list[Line]), schema(a=list[Short])),
    "a type that holds itself": (schema(a=Tree), schema(a=Tree)),
    "a map": (schema(a=dict[str, int]), schema(a=dict[str, float])),
    "fields read as a map": (schema(a=Line), schema(a=dict[str, str | int])),
    "anything at all": (schema(a=list[int]), schema(a=Any)),
    "a pair": (schema(a=tuple[int, str]), schema(a=tuple[float, str])),
}

MISFITTING = {
    "a field that is not there": (schema(b=int), schema(a=str), Misfit("a", "missing", "nothing", "string")),
    "a field that may be absent": (schema(a=(str, "")), schema(a=str), Misfit("a", "optional", "string", "string")),
    "another type": (schema(a=float), schema(a=str), Misfit("a", "type", "number", "string")),
    "a number for an integer": (schema(a=float), schema(a=int), Misfit("a", "type", "number", "integer")),
    "null where it is not allowed": (
        schema(a=str | None),
        schema(a=str),
        Misfit("a", "type", "string or null", "string"),
    ),
    "any text for a UUID": (schema(a=str), schema(a=UUID), Misfit("a", "type", "string", "uuid")),
    "any text for one of several values": (
        schema(a=str),
        schema(a=Literal["x", "y"]),
        Misfit("a", "type", "string", '"x" or "y"'),
    ),
    "a value that is not known": (
        schema(a=Literal["x", "z"]),
        schema(a=Literal["x", "y"]),
        Misfit("a", "type", '"x" or "z"', '"x" or "y"'),
    ),
    "a field inside a list": (
        schema(a=list[Short]),
        schema(a=list[Line]),
        Misfit("a[].quantity", "missing", "nothing", "integer"),
    ),
    "anything for something": (schema(a=Any), schema(a=str), Misfit("a", "type", "anything", "string")),
    "a part of a pair": (
        schema(a=tuple[int, int]),
        schema(a=tuple[int, str]),
        Misfit("a[1]", "type", "integer", "string"),
    ),
    "a number as true or false": (schema(a=Literal[1]), schema(a=Literal[True]), Misfit("a", "type", "1", "true")),
}


@pytest.mark.parametrize(("written", "read"), FITTING.values(), ids=FITTING)
def test_can_be_read(written: Schema, read: Schema) -> None:
    assert misfits(written, read) == []


@pytest.mark.parametrize(("written", "read", "misfit"), MISFITTING.values(), ids=MISFITTING)
def test_cannot_be_read(written: Schema, read: Schema, misfit: Misfit) -> None:
    assert misfits(written, read) == [misfit]


def test_a_longer_text_than_the_reader_takes_does_not_fit() -> None:
    written, read = ({"properties": {"a": {"type": "string", "maxLength": most}}, "type": "object"} for most in (9, 5))
    assert [misfit.path for misfit in misfits(written, read)] == ["a"]
    assert misfits(read, written) == []


@pytest.mark.parametrize("anything", [{}, True])
def test_a_map_of_anything_may_hold_what_a_field_does_not_take(anything: object) -> None:
    written = {"type": "object", "additionalProperties": anything}
    assert misfits(written, schema(a=(str, ""))) == [Misfit("a", "type", "anything", "string")]


def test_a_reader_that_forbids_other_fields_is_told_of_them() -> None:
    closed = schema(a=str) | {"additionalProperties": False}
    assert misfits(schema(a=str, b=int), closed) == [Misfit("b", "unexpected", "integer", "anything")]


@on_a_busy_machine
@given(messages)
def test_every_schema_reads_what_it_writes(message: Schema) -> None:
    assert misfits(message, message) == []


@on_a_busy_machine
@given(st.data())
def test_a_value_that_fits_is_read(data: st.DataObject) -> None:
    written = data.draw(messages)
    read = data.draw(relatives(written))
    assume(not misfits(written, read))
    value = data.draw(values(written))
    jsonschema_rs.validator_for(read, validate_formats=True).validate(value)


@on_a_busy_machine
@given(st.data())
def test_a_value_that_is_not_read_was_foretold(data: st.DataObject) -> None:
    written, read = data.draw(messages), data.draw(messages)
    value = data.draw(values(written))
    if not jsonschema_rs.validator_for(read, validate_formats=True).is_valid(value):
        assert misfits(written, read)
