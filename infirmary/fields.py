"""Kinds of fields with their limits, the same in a request and in a message.

What cannot be taken as it is, is refused and not mended: whoever sent it learns of it, and nothing is stored that
nobody has written. For the same reason text is not normalised (NFC): it comes back as it came.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

# Written out, not escaped: the patterns are also read from the OpenAPI document, by everybody's engines.
_NOT_TEXT: Final = (
    "\x00-\x1f\x7f-\x9f"  # control characters: C1 ones begin terminal sequences, too
    "\u2028\u2029"  # breaks of lines and paragraphs
    "\u202a-\u202e\u2066-\u2069"  # these turn round the text beside them, on whatever page it stands
    "\xad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff0-\ufffb"  # nobody sees them: two names look like one
    "\ufdd0-\ufdef\ufffe\uffff"  # no characters at all
    "\U000e0000-\U000e00ff"  # tags: whole hidden sentences
)
# Allowed inside a text, but no text by themselves: spaces, joiners and marks of scripts, fillers, variation selectors.
_NOT_SEEN: Final = (
    " \xa0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800"
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u3164\ufe00-\ufe0f\uffa0"
    "\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0100-\U000e0fff"
)
_PLAIN: Final = f"^[^{_NOT_TEXT}]*$"
_VISIBLE: Final = f"^[^{_NOT_TEXT}]*[^{_NOT_TEXT}{_NOT_SEEN}][^{_NOT_TEXT}]*$"
_no_text = re.compile(f"[{_NOT_TEXT}\ud800-\udfff]")
_seen = re.compile(f"[^{_NOT_SEEN}]")


def _plain(text: str) -> str:
    found = _no_text.search(text)
    if found is not None:
        raise ValueError(f"should hold no character that controls, hides or turns text, as U+{ord(found[0]):04X} does")
    return text


def _visible(text: str) -> str:
    if not _seen.search(_plain(text)):
        raise ValueError("should hold at least one character that can be seen")
    return text


def _schema(longest: int, pattern: str, shortest: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": shortest, "maxLength": longest, "pattern": pattern})


def _text(longest: int) -> tuple[StringConstraints, AfterValidator, WithJsonSchema]:
    limits = StringConstraints(strict=True, min_length=1, max_length=longest)
    return limits, AfterValidator(_visible), _schema(longest, _VISIBLE, 1)


Name = Annotated[str, *_text(200)]
"""A name: 1 to 200 characters, at least one of which can be seen."""

Text = Annotated[str, *_text(1000)]
"""A longer text: 1 to 1000 characters, at least one of which can be seen."""


ShortText = Annotated[
    str, StringConstraints(strict=True, max_length=32), AfterValidator(_plain), _schema(32, _PLAIN, 0)
]
"""Up to 32 characters, perhaps none."""


def _whole(value: object) -> object:
    """Takes 5.0 for 5, as JSON does, and nothing else that is no integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Makes a strict `int` an integer as JSON Schema knows it: 5 and 5.0, but not "5" and not true."""

Quantity = Annotated[int, Field(ge=1, le=1_000_000, strict=True), WHOLE]
"""How many: a whole number from 1 to a million."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _spelled_as_usual(value: object) -> object:
    """Lets pass one spelling of an id. pydantic's own UUID is also 32 digits, one in braces, or a URN."""
    if isinstance(value, str) and not _UUID.fullmatch(value):
        raise ValueError("should be a UUID written as 8-4-4-4-12 hexadecimal digits, with hyphens")
    return value


Id = Annotated[UUID, BeforeValidator(_spelled_as_usual)]
"""An id that a service gave out, as a client gives it back: written as it was, or in capitals."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_SCHEMA: Final = {"type": "string", "format": "date", "pattern": f"^{_DAY.pattern}$", "examples": ["1970-01-31"]}


def _day(value: object) -> date:
    """Reads a day. pydantic itself takes any number, even in quotes, for the seconds since 1970."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("should be a date written as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("should be a date of the calendar, written as YYYY-MM-DD") from None


Date = Annotated[date, BeforeValidator(_day), WithJsonSchema(_DAY_SCHEMA)]
"""A day of the calendar, from 0001-01-01 to 9999-12-31, written as YYYY-MM-DD and in no other way."""

_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*")


def _spelled_out(value: object) -> object:
    """Lets pass what begins with a day: pydantic takes any number, even in quotes, for a moment."""
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.fullmatch(value)):
        return value
    raise ValueError("should be a moment written as RFC 3339 does, YYYY-MM-DDTHH:MM:SS with an offset")


Moment = Annotated[AwareDatetime, BeforeValidator(_spelled_out)]
"""A moment, to the microsecond, as RFC 3339 writes it with its offset."""

_MONEY_SCHEMA: Final = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "examples": ["12.50"]}

Money = Annotated[
    Decimal, PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str), WithJsonSchema(_MONEY_SCHEMA)
]
"""An amount of money, as a decimal string with two places."""

Price = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,8}(\.[0-9]{1,2})?$")]
"""A price: a plain decimal string, at most two places; no sign, no exponent, no NaN."""
