"""What a message says is held against limits: a publisher's when it is written, and a reader's when it is read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts import declarations
from infirmary.message_fields import Amount, Code, Day, Flag, Moment, Name, Price, Quantity, Text, Version, WholeNumber
from infirmary.messages import Message, Reply
from infirmary.transport.body import read_body
from infirmary.transport.envelope import MalformedMessage
from services.inventory.messages import StockReserved

OURS = ("admission", "billing", "chart", "inventory", "lab", "notification", "patient", "prescription", "ward")
MESSAGES = [message for service in OURS for message in declarations.declared_in(service)] + [Reply]
BAD = {
    "string": ["\x00", "", " \u200b", "A\x1b[2J", 5, True, "x" * 3000],
    "integer": ["5", True, 1.5, 2**63, -(2**63) - 1],
    "boolean": ["yes", 1, "true"],
}


def loose_fields(message: type[Message]) -> Iterator[tuple[str, object]]:
    """Yields each field with a value that it should not take, and takes."""
    for name, schema in message.model_json_schema()["properties"].items():
        kinds = [*schema.get("anyOf", ()), schema]
        for kind in kinds:
            for bad in BAD.get(kind.get("type", ""), ()) if "enum" not in kind else ():
                if bad == "" and name == "unit":
                    continue  # a value may have none
                try:
                    message.model_validate({name: bad})
                except ValidationError as refused:
                    if name in {each["loc"][0] for each in refused.errors() if each["type"] != "missing"}:
                        continue
                yield name, bad


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.__module__}.{message.__name__}")
def test_no_field_of_any_message_is_taken_as_it_comes(message: type[Message]) -> None:
    assert list(loose_fields(message)) == []


@pytest.mark.parametrize("kind", [Price, Amount])
@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "Infinity", "-Infinity", "sNaN", "-5.00", "-0", "+1", "0.001", "1e2", "1E+2", ".5", "5.", "1,50"),
        *("1_000", " 1", "1 ", "1\n", "", "\u0661", "0x10", "9" * 25, "0." + "0" * 50),
    ],
)
def test_what_is_no_amount_of_money_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


@given(st.decimals(0, 99_999_999, places=2))
def test_a_price_is_taken_as_it_is_written(price: Any) -> None:
    assert TypeAdapter(Price).validate_python(f"{price:.2f}") == f"{price:.2f}"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Quantity, [0, -1, 1_000_001, 2**31, 2**63, True, "3", 1.5]),
        (Version, [0, -1, 2**63, True, "1"]),
        (WholeNumber, [2**63, -(2**63), True, "1"]),
        (
            Day,
            ["0", "86400", "20000101", "2000-1-1", "2000-02-30", "2000-01-01T00:00:00", "infinity", 0, "10000-01-01"],
        ),
        (Code, ["", "a b", "\u00e4", "x" * 65, "a/b", "a\n"]),
        (Name, ["", " ", "\u200b", "\u00a0\u2003", "A\x00", "A\u202eB", "x" * 201]),
        (Text, ["", "\x00", "x" * 1001]),
        (Flag, ["true", 1, 0, "no"]),
    ],
)
def test_what_is_out_of_bounds_is_refused(kind: Any, values: list[object]) -> None:
    for value in values:
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value)


def test_who_cannot_read_a_message_says_which_field_and_why() -> None:
    body = b"""{"prescription_id": "0190163d-8694-739b-aea5-966c26f8ad90", "medication_code": "x",
                "patient_id": "0190163d-8694-739b-aea5-966c26f8ad91", "quantity": 2, "unit_price": "NaN"}"""
    with pytest.raises(MalformedMessage, match=r"^StockReserved\.unit_price: String should match pattern"):
        read_body(StockReserved, body)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    kind: TypeAdapter[datetime] = TypeAdapter(Moment)
    assert kind.validate_json(kind.dump_json(moment)) == moment


@pytest.mark.parametrize("written", ["1764201600", '"1764201600"', '"2026-11-27T00:00:00"', '"yesterday"', "true"])
def test_what_does_not_say_a_moment_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_json(written)
