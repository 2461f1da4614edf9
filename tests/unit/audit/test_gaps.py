"""The auditor of gaps, told of a log message by message."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from audit.facts import LogMessage
from audit.log_gaps import LogGaps


def told(*sequences: int | None, first_offset: int = 0, source: str = "ward") -> LogGaps:
    gaps = LogGaps("ward")
    for offset, sequence in enumerate(sequences, start=first_offset):
        gaps.note(LogMessage(offset, UUID(int=offset), source, "BedReserved", "ward-1", sequence))
    return gaps


def test_nothing_is_missing_from_a_whole_log() -> None:
    gaps = told(1, 2, 3)
    assert (gaps.missing, gaps.repeated, gaps.early, gaps.unnumbered, gaps.subjects) == (0, 0, 0, 0, 1)


def test_what_was_passed_over_is_missing_until_it_comes() -> None:
    assert told(1, 3, 5).missing == 2
    assert told(1, 3, 5).whose_are_missing() == {"ward-1": [2, 4]}
    assert told(1, 3, 5, 2, 4).missing == 0
    assert told(1, 3, 5, 2, 4).whose_are_missing() == {}


def test_a_subject_that_does_not_begin_with_one_lacks_its_beginning() -> None:
    assert told(3).missing == 2


def test_a_subject_may_begin_anywhere_in_a_log_whose_beginning_has_expired() -> None:
    assert told(3, 4, first_offset=100).missing == 0


def test_a_subject_whose_numbers_begin_anew_long_after_its_end_lacks_nothing() -> None:
    """Its writer has forgotten it, as every reader has; an auditor that has run since then knows it still."""
    assert told(5, 6, 1, 2, first_offset=100).missing == 0
    assert told(1, 2, 3, 1, 2, 3, 4).missing == 0


def test_repeats_and_strangers_are_counted_and_are_no_gaps() -> None:
    gaps = told(1, 2, 1, 2, None, 3)
    assert (gaps.missing, gaps.repeated, gaps.unnumbered) == (0, 2, 1)
    assert told(1, source="lab").unnumbered == 1


def test_a_subject_that_moved_to_another_part_is_followed_across_them() -> None:
    gaps = LogGaps("ward")
    for offset, part, sequence in ((0, 1, 3), (1, 1, 4), (0, 0, 1)):
        gaps.note(LogMessage(offset, UUID(int=sequence), "ward", "BedReserved", "ward-1", sequence, part=part))
    assert gaps.whose_are_missing() == {"ward-1": [2]}
    gaps.note(LogMessage(1, UUID(int=2), "ward", "BedReserved", "ward-1", 2, part=0))
    assert gaps.missing == 0


@given(st.integers(1, 30).flatmap(lambda last: st.permutations(range(1, last + 1))))
def test_in_whatever_order_they_come_nothing_is_missing_when_all_have_come(sequences: list[int]) -> None:
    gaps = told(*sequences)
    assert gaps.missing == 0
    assert gaps.early == 0 or sequences != sorted(sequences)


@given(st.sets(st.integers(1, 30), min_size=1))
def test_what_is_missing_is_what_lies_below_the_highest_and_has_not_come(sequences: set[int]) -> None:
    assert told(*sequences).missing == max(sequences) - len(sequences)
