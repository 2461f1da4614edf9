"""Into which part of a log an event goes, and who reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.envelope import PARTITIONS, partition_of
from services.chassis.log_parts import (
    MOST_PARTS,
    check_number,
    earlier_homes,
    home,
    is_log,
    is_read_by,
    name_of,
    part_of,
    publisher_of,
)

POWERS = [1, 2, 4, 8, 16, 32, 64]
partitions, powers, parts = st.integers(0, PARTITIONS - 1), st.sampled_from(POWERS), st.integers(0, MOST_PARTS - 1)
publishers = st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True)


def test_part_0_has_the_logs_own_name() -> None:
    assert [name_of("patient", part) for part in range(3)] == ["patient.events", "patient.events.1", "patient.events.2"]


@given(publishers, parts)
def test_a_name_tells_its_publisher_and_its_part(publisher: str, part: int) -> None:
    name = name_of(publisher, part)
    assert is_log(name)
    assert (publisher_of(name), part_of(name)) == (publisher, part)


@pytest.mark.parametrize(
    "name", ["ward.inbox", "ward.events.0", "ward.events.", "ward.events.x", "ward.events.1.1", ""]
)
def test_what_is_no_log_is_refused(name: str) -> None:
    assert not is_log(name)
    with pytest.raises(ValueError, match="not the name of a log"):
        publisher_of(name)


@given(partitions)
def test_in_a_log_that_is_not_split_everything_is_in_part_0(partition: int) -> None:
    assert home(partition, 1) == 0


@given(powers)
def test_every_part_gets_as_many_partitions_as_every_other(number: int) -> None:
    homes = [home(partition, number) for partition in range(PARTITIONS)]
    assert sorted(set(homes)) == list(range(number))
    assert {homes.count(part) for part in range(number)} == {PARTITIONS // number}


@given(st.text(min_size=1), powers, powers)
def test_where_a_subject_was_before_is_known_from_its_part(subject: str, one: int, another: int) -> None:
    before, after = sorted((home(partition_of(subject), one), home(partition_of(subject), another)))
    assert before == after or before in earlier_homes(after)


@given(parts)
def test_a_subject_came_from_lower_parts_only(part: int) -> None:
    assert all(earlier < part for earlier in earlier_homes(part))
    assert (0 in earlier_homes(part)) == (part > 0)


@given(publishers, powers, st.integers(1, 10))
def test_each_part_has_one_reader_and_no_reader_has_two_more_than_another(publisher: str, number: int, n: int) -> None:
    shares = [[part for part in range(number) if is_read_by(name_of(publisher, part), rank, n)] for rank in range(n)]
    assert sorted(part for share in shares for part in share) == list(range(number))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("number", range(1, MOST_PARTS + 1))
def test_a_number_of_parts_is_a_power_of_two(number: int) -> None:
    if number in POWERS:
        assert check_number(number) == number
    else:
        with pytest.raises(ValueError, match="power of two"):
            check_number(number)
