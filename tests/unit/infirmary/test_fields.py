"""Fields are read as strictly as they are described: in requests, in messages, and in the OpenAPI documents."""

import json
import re
import sys
import unicodedata
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from infirmary.fields import WHOLE, Date, Id, Name, Price, Quantity, ShortText, Text

CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1)]
BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

name: TypeAdapter[str] = TypeAdapter(Name)
short_text: TypeAdapter[str] = TypeAdapter(ShortText)
day: TypeAdapter[date] = TypeAdapter(Date)


def takes(kind: TypeAdapter[Any], value: object) -> bool:
    try:
        kind.validate_python(value)
    except ValidationError:
        return False
    return True


def takes_json(kind: TypeAdapter[Any], text: str) -> bool:
    try:
        kind.validate_json(text)
    except ValidationError:
        return False
    return True


def test_no_text_holds_a_character_that_controls_or_turns_round() -> None:
    bad = [
        each
        for each in CHARACTERS
        if unicodedata.category(each) in ("Cc", "Zl", "Zp", "Cs") or unicodedata.bidirectional(each) in BIDI_CONTROLS
    ]
    assert len(bad) > 2000
    assert [each for each in bad if takes(name, f"A{each}B") or takes(short_text, f"A{each}B")] == []


def test_no_name_is_made_of_spaces_and_invisible_characters() -> None:
    blank = [each for each in CHARACTERS if unicodedata.category(each) == "Zs"]
    hidden = [
        each
        for each in CHARACTERS
        if unicodedata.category(each) == "Cf"
        and unicodedata.bidirectional(each) not in ("AN", "AL")  # signs of Arabic numbers, which are seen
        and unicodedata.bidirectional(each) != "L"  # so are Kaithi's, and how hieroglyphs are put together
    ]
    fillers = ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", "\ufe0f", "\U0001d173"]
    assert [f"{ord(each):04X}" for each in (*blank, *hidden, *fillers) if takes(name, each * 3)] == []


def test_every_letter_number_and_sign_of_a_script_may_be_in_a_name() -> None:
    fillers = "\u115f\u1160\u3164\uffa0\u2800\U0001d159"
    wanted = [each for each in CHARACTERS if unicodedata.category(each)[0] in "LNPS" and each not in fillers]
    assert [f"{ord(each):04X}" for each in wanted if not takes(name, each)] == []


@pytest.mark.parametrize(
    "text", ["Renée O'Neill-Śmith", "李小龍", "نرگس می\u200cخواهم", "שלום", "👩\u200d⚕️", "\xa0Ada"]
)
def test_names_of_all_the_world_are_taken_as_they_are(text: str) -> None:
    assert name.validate_python(text) == text


@given(st.text(max_size=40))
def test_the_schema_says_of_a_text_what_validation_says(text: str) -> None:
    for kind in (Name, Text, ShortText):
        adapter: TypeAdapter[str] = TypeAdapter(kind)
        schema = adapter.json_schema()
        described = (
            schema["minLength"] <= len(text) <= schema["maxLength"]
            and re.search(schema["pattern"][:-1] + r"\Z", text) is not None
        )
        assert takes(adapter, text) == described


@given(st.uuids())
def test_an_id_has_one_spelling(chosen: UUID) -> None:
    adapter: TypeAdapter[UUID] = TypeAdapter(Id)
    text = str(chosen)
    for good in (text, text.upper(), chosen):
        assert adapter.validate_python(good) == chosen
    assert adapter.validate_json(json.dumps(text)) == chosen
    for bad in (
        chosen.hex,
        chosen.urn,
        f"{{{text}}}",
        f" {text}",
        f"{text}\n",
        text[:-1],
        f"{text}0",
        text.replace("-", "_"),
    ):
        assert not takes(adapter, bad)
        assert not takes_json(adapter, json.dumps(bad))
    assert not takes_json(adapter, str(chosen.int))
    assert adapter.json_schema() == {"type": "string", "format": "uuid"}


@given(st.dates())
def test_a_date_is_read_as_it_is_written(chosen: date) -> None:
    assert day.validate_json(json.dumps(chosen.isoformat())) == chosen


@pytest.mark.parametrize(
    "text",
    [
        *('"0"', '"86400"', '"-86400"', '"20217600"', '"1e5"', '"2000-1-1"', '"01/02/2000"', '""', '"20000101"'),
        *(
            '"2000-W01-1"',
            '"2000-01-01T00:00:00"',
            '"2000-01-01 "',
            '"2000-01-01\\n"',
            '"２０００-01-01"',
            '"2001-02-29"',
        ),
        *('"0000-01-01"', '"10000-01-01"', '"-2000-01-01"', '"2000-13-01"', "0", "86400.0", "null", "true", "[]"),
    ],
)
def test_what_is_not_written_as_a_date_is_none(text: str) -> None:
    assert not takes_json(day, text)


def test_a_moment_is_no_date() -> None:
    assert not takes(day, datetime(2000, 1, 1))  # noqa: DTZ001 - it is the kind that counts


@pytest.mark.parametrize("kind", [Quantity, Annotated[int, Field(ge=0, le=9, strict=True), WHOLE]])
@pytest.mark.parametrize(
    ("text", "is_one"),
    [("5", True), ("5.0", True), ("0.5e1", True), *((bad, False) for bad in ('"5"', "true", "5.5", "null", "[5]"))],
)
def test_an_integer_is_what_json_schema_says(kind: Any, text: str, is_one: bool) -> None:
    assert takes_json(TypeAdapter(kind), text) == is_one


@pytest.mark.parametrize("text", ["1e999", "NaN", "-1", "1000001", "1000000.5", "9" * 5000])
def test_a_quantity_has_bounds(text: str) -> None:
    assert not takes_json(TypeAdapter(Quantity), text)


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-1.00", "+1", "1e2", "0.001", "1.", ".5", "1,5", " 1", "1\n", "１", ""]
)
def test_a_price_is_a_plain_decimal_number(text: str) -> None:
    assert not takes(TypeAdapter(Price), text)


@pytest.mark.parametrize("bad", [5, True, b"Ada"])
def test_a_text_is_a_text(bad: object) -> None:
    assert not any(takes(TypeAdapter(kind), bad) for kind in (Name, Text, ShortText, Price))
