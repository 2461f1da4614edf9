"""Kinds of fields in messages, held against the same limits as in a request: when written, and when read.

What breaks a limit is parked by its reader, whoever wrote it. The schema of a field says its JSON type and no more: a
limit in a schema is a promise, and a log holds messages from before it was made.
"""

from typing import Annotated, Final

from pydantic import Field, StrictBool, StringConstraints, WithJsonSchema

from infirmary import fields
from infirmary.identifiers import ClientCode

_STRING: Final = WithJsonSchema({"type": "string"})
_INTEGER: Final = WithJsonSchema({"type": "integer"})
_LARGEST: Final = 2**63 - 1
"""The largest number of a bigint."""

Name = Annotated[fields.Name, _STRING]
"""A name: 1 to 200 characters, at least one of which can be seen."""

Text = Annotated[fields.Text, _STRING]
"""A reason or another longer text: 1 to 1000 characters, at least one of which can be seen."""

ShortText = Annotated[fields.ShortText, _STRING]
"""Up to 32 characters, perhaps none."""

Code = Annotated[ClientCode, _STRING]
"""An id that a client chose."""

Day = Annotated[fields.Date, WithJsonSchema({"type": "string", "format": "date"})]
"""A day of the calendar."""

Moment = Annotated[fields.Moment, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment, to the microsecond."""

Flag = StrictBool
"""True or false, and nothing that could be meant by it."""

Quantity = Annotated[fields.Quantity, _INTEGER]
"""How many: a whole number from 1 to a million."""

Price = Annotated[fields.Price, _STRING]
"""What one of something costs: a plain decimal string, at most two places; no sign, no exponent, no NaN."""

Amount = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,24}(\.[0-9]{1,2})?$"), _STRING]
"""An amount or a balance, written as a price is; as large as the sum of many of the largest."""

Version = Annotated[int, Field(ge=1, le=_LARGEST, strict=True), fields.WHOLE, _INTEGER]
"""The version of something: 1, 2, 3 ..."""

WholeNumber = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST, strict=True), fields.WHOLE, _INTEGER]
"""A whole number of 64 bits, negative ones among them."""
