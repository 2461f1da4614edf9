"""An error is kept in a form that any database takes, whatever is in it."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.failure import (
    MAX_ERROR_CHARACTERS,
    MAX_TRACEBACK_CHARACTERS,
    calls_of,
    describe,
    kept,
    line_of,
)
from infirmary.printable import cleaned
from infirmary.transport.envelope import MalformedMessage


class Unprintable(Exception):
    """An error whose own text is broken."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


@given(st.text() | st.text(st.characters(categories=["Cs", "Cc"])))
def test_a_cleaned_text_can_be_encoded_and_holds_no_nul(text: str) -> None:
    assert "\x00" not in cleaned(text).encode().decode()


@given(st.text() | st.just("\x00\ud800") | st.just("x" * 3_000_000) | st.just("first\nsecond\r\nthird"))
def test_what_is_kept_of_an_error_is_bounded_and_begins_with_one_line(said: str) -> None:
    found = kept(raised(ValueError(said)))
    assert found.encode().count(b"\x00") == 0
    assert len(found) <= MAX_ERROR_CHARACTERS + MAX_TRACEBACK_CHARACTERS + 1
    assert line_of(found) == describe(ValueError(said))
    assert "raise error" in (calls_of(found) or "")


def test_an_error_without_a_text_is_kept_all_the_same() -> None:
    assert line_of(kept(raised(Unprintable()))) == "Unprintable: (its text cannot be had)"


def test_a_message_that_cannot_be_read_is_nobodys_bug_here() -> None:
    assert calls_of(kept(raised(MalformedMessage("header subject is missing")))) is None


def test_the_end_of_a_deep_recursion_is_kept() -> None:
    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        found = kept(error)
    assert "deeper()" in (calls_of(found) or "")
