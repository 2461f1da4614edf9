"""What several services' interfaces share: kinds of fields, bodies and paths."""

from pydantic import BaseModel, ConfigDict

from infirmary.fields import WHOLE, Date, Id, Money, Name, Price, Quantity, ShortText, Text
from infirmary.identifiers import ClientCode

__all__ = [
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
]


class Input(BaseModel):
    """A request's body. A field that nobody knows is refused: it is a typing error whose value would be lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CodePath(BaseModel):
    """The path of something whose id the client chose."""

    code: ClientCode
