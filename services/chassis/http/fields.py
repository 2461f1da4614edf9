"""Kinds of fields that several services' interfaces share, with their limits."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

from services.chassis.identifiers import ClientCode

PLAIN_TEXT = r"^[^\x00-\x1f\x7f]*$"


def _text(longest: int) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=longest, pattern=PLAIN_TEXT)


Name = Annotated[str, _text(200)]
"""A name: 1 to 200 characters without control characters."""

Text = Annotated[str, _text(1000)]
"""A longer text: 1 to 1000 characters without control characters."""

Quantity = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
"""How many boxes: 1 to a million."""

_MONEY_SCHEMA = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "examples": ["12.50"]}

Money = Annotated[
    Decimal, PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str), WithJsonSchema(_MONEY_SCHEMA)
]
"""An amount of money, as a decimal string with two places."""

Price = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,8}(\.[0-9]{1,2})?$")]
"""A price in a request: a decimal string, at most two places."""


class Input(BaseModel):
    """A request's body. A field that nobody knows is refused: it is a typing error whose value would be lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PatientPath(BaseModel):
    """The path of something that belongs to a patient."""

    patient_id: UUID


class CodePath(BaseModel):
    """The path of something whose id the client chose."""

    code: ClientCode
