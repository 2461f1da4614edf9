"""Lists in pages: `{items, next_cursor}`, in the order of the items' ids.

A list inside a document holds the newest, the oldest of them first, and a total beside it (`entries`, `entries_total`);
the whole list is a page of its own (`/accounts/ID/entries`).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID
from zlib import crc32

from flask import has_request_context, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from infirmary.http.problems import unprocessable

T = TypeVar("T")

NEWEST = 100
"""How many items of a list a document holds."""

START = UUID(int=0)
"""The position before every id."""


def _number(text: object) -> object:
    """Reads a number in a URL; Python's own idea of one is 1_0, too, and +1 and ten in anybody's digits."""
    if isinstance(text, str) and not (text.isascii() and text.isdigit()):
        raise ValueError("should be a number, in digits only")
    return text


class PageQuery(BaseModel):
    """Which page of a list is wanted."""

    model_config = ConfigDict(extra="forbid")
    cursor: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9_-]{27}$", description="`next_cursor` of the page before")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="items on a page"), BeforeValidator(_number)] = 50

    def after(self) -> UUID:
        """Returns the id behind which the page starts.

        Raises:
            Problem: The cursor is from another list.
        """
        if self.cursor is None:
            return START
        place = urlsafe_b64decode(f"{self.cursor}=")
        if place[16:] != _mark_of_list():
            raise unprocessable("query.cursor", "should be the `next_cursor` of a page of this list")
        return UUID(bytes=place[:16])


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next_cursor: Annotated[str | None, Field(description="null on the last page")]


def page(rows: Sequence[T], limit: int, id_of: Callable[[T], UUID]) -> Page[T]:
    """Returns a page made of rows of which one more than `limit` was fetched, in the order of their ids."""
    items = list(rows[:limit])
    more = len(rows) > limit
    return Page(items=items, next_cursor=_cursor(id_of(items[-1])) if more else None)


def _cursor(last: UUID) -> str:
    return urlsafe_b64encode(last.bytes + _mark_of_list()).decode().rstrip("=")


def _mark_of_list() -> bytes:
    """Returns four bytes that tell the list asked for from others: its path, and all that it was narrowed by."""
    return crc32(_list_asked_for().encode()).to_bytes(4)


def _list_asked_for() -> str:
    if not has_request_context():
        return ""
    narrowed = sorted((name, value) for name, value in request.args.items() if name not in PageQuery.model_fields)
    return f"{request.path}?{urlencode(narrowed)}"
