"""What was written in an earlier shape is applied like what is written today, and so is what was parked for it."""

import pytest

from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import LOG, Told

IN_WORDS = b'{"counter": "a", "word": "two"}'


def test_an_event_of_an_earlier_shape_is_lifted_in_its_place(counting: Counting) -> None:
    counting.read(counting.told("a", 1), counting.told("a", 2, body=IN_WORDS), counting.told("a", 3))
    assert (counting.numbers("a"), counting.held()) == ([1, 2, 3], [])


def test_what_was_parked_for_its_shape_is_applied_once_the_reader_can_lift_it(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(Told, "upcasters", ())
        counting.read(counting.told("a", 1), counting.told("a", 2, body=IN_WORDS), counting.told("a", 3))
        assert counting.held() == [("a", 2, "parked"), ("a", 3, "waits")]
    counting.retry_all(LOG)
    assert (counting.numbers("a"), counting.held()) == ([1, 2, 3], [])


def test_what_has_no_shape_that_is_known_is_parked_with_what_the_present_one_needs(counting: Counting) -> None:
    counting.read(counting.told("a", 1, body=b'{"counter": "a", "word": "eleven"}'))
    assert counting.held() == [("a", 1, "parked")]
    assert "Told.number: Field required" in counting.errors()[0]
