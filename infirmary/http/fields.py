"""What several services' interfaces share: kinds of fields, bodies and paths."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from infirmary.fields import WHOLE, Date, Id, Money, Name, Price, Quantity, ShortText, Text
from infirmary.identifiers import ClientCode

__all__ = [
    "SOME_ID",
    "WHOLE",
    "CodePath",
    "Date",
    "Id",
    "Input",
    "Money",
    "Name",
    "Price",
    "Quantity",
    "ShortText",
    "Text",
    "shown",
]

SOME_ID: Final = "019ac0de-7d3a-7000-8000-00000000ada1"
"""What stands where an id goes that a service gives out."""


def shown(example: str | float | bool) -> Any:
    """Returns, for the annotation of a field, what /docs fills in there: something that it takes."""
    return Field(json_schema_extra={"example": example})  # of OpenAPI 3.1's `examples` the library would make nothing


class Input(BaseModel):
    """A request's body. A field that nobody knows is refused: it is a typing error whose value would be lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CodePath(BaseModel):
    """The path of something whose id the client chose."""

    code: Annotated[ClientCode, Field(description="which one"), shown("penicillin")]
