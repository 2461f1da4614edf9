"""The identifiers that the hospital gives out itself."""

from typing import Annotated
from uuid import UUID

import uuid_utils
from pydantic import StringConstraints

ClientCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""An id that the client chooses (a ward, a medication): 1 to 64 letters, digits, dots, underscores and hyphens."""


def new_id() -> UUID:
    """Returns a UUID version 7 (RFC 9562): ordered by time, so that new rows go to the end of an index."""
    return UUID(int=uuid_utils.uuid7().int)
