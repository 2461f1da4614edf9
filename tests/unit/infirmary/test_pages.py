"""Lists in pages."""

import re
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infirmary.http.pages import START, Page, PageQuery, page
from infirmary.http.problems import Problem


def fetch(stored: list[UUID], query: PageQuery) -> list[UUID]:
    """Returns the rows that a store would: those behind the cursor, one more than fit on the page."""
    return [each for each in sorted(stored) if each > query.after()][: query.limit + 1]


def pages_of(stored: list[UUID], limit: int) -> list[Page[UUID]]:
    """Returns all pages, as a client that follows the cursors gets them."""
    pages: list[Page[UUID]] = []
    cursor = None
    while not pages or cursor is not None:
        query = PageQuery(cursor=cursor, limit=limit)
        pages.append(page(fetch(stored, query), limit, lambda row: row))
        cursor = pages[-1].next_cursor
    return pages


@given(st.lists(st.uuids(), unique=True, max_size=30), st.integers(1, 10))
def test_following_the_cursors_gives_every_item_once_and_in_order(stored: list[UUID], limit: int) -> None:
    pages = pages_of(stored, limit)
    assert [item for each in pages for item in each.items] == sorted(stored)
    assert all(len(each.items) == limit for each in pages[:-1])
    assert len(pages) == max(1, -(-len(stored) // limit))


@given(st.lists(st.uuids(), unique=True, min_size=2, max_size=10), st.uuids())
def test_an_item_that_is_added_between_two_pages_repeats_and_hides_no_other(stored: list[UUID], added: UUID) -> None:
    first = page(fetch(stored, PageQuery(limit=1)), 1, lambda row: row)
    rest = fetch([*stored, added], PageQuery(cursor=first.next_cursor, limit=200))
    assert set(stored) - {added} <= {*first.items, *rest}
    assert first.items[0] not in rest


@given(st.lists(st.uuids(), unique=True, min_size=2, max_size=2))
def test_a_cursor_needs_no_escaping_in_a_url(rows: list[UUID]) -> None:
    cursor = page(rows, 1, lambda row: row).next_cursor
    assert cursor is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{27}", cursor)
    assert PageQuery(cursor=cursor).after() == rows[0]


def test_the_first_page_starts_before_every_item() -> None:
    assert PageQuery().after() == START == UUID(int=0)


def test_the_last_page_has_no_cursor() -> None:
    assert page([], 5, lambda row: row) == Page[UUID](items=[], next_cursor=None)


@pytest.mark.parametrize("cursor", ["", "1", "abc", "A" * 26, "A" * 28, "é" * 27, "\x00" * 27, "a" * 10_000])
def test_a_cursor_that_is_none_of_ours_is_a_problem_of_that_field(cursor: str) -> None:
    with pytest.raises(ValidationError, match="cursor"):
        PageQuery(cursor=cursor)


@given(st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9_-]{27}", fullmatch=True))
def test_whatever_is_sent_as_a_cursor_is_a_place_in_the_list_or_refused(cursor: str) -> None:
    with suppress(ValidationError, Problem):
        assert isinstance(PageQuery(cursor=cursor).after(), UUID)


@pytest.mark.parametrize("limit", [0, -1, 201, 10**30])
def test_a_page_holds_between_1_and_200_items(limit: int) -> None:
    with pytest.raises(ValidationError, match="limit"):
        PageQuery(limit=limit)


def test_a_query_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="order"):
        PageQuery.model_validate({"order": "0190163d-8694-739b-aea5-966c26f8ad90"})
