"""Into which part of a log an event goes, and who reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.transport.envelope import PARTITIONS, partition_of
from infirmary.transport.log_names import (
    MOST_PARTS,
    check_number,
    earlier_homes,
    events_of,
    home,
    is_read_by,
    log_to,
    parsed,
    part_name,
)

POWERS = [1, 2, 4, 8, 16, 32, 64]
partitions, powers, parts = st.integers(0, PARTITIONS - 1), st.sampled_from(POWERS), st.integers(0, MOST_PARTS - 1)
writers = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
logs = st.one_of(st.builds(events_of, writers), st.builds(log_to, writers, writers))


def test_part_0_has_the_logs_own_name() -> None:
    names = [part_name(events_of("patient"), part) for part in range(3)]
    assert names == ["patient.events", "patient.events.1", "patient.events.2"]
    assert part_name(log_to("ward", "admission"), 2) == "ward.to.admission.2"


@given(writers, parts)
def test_the_name_of_a_log_of_events_tells_its_writer_and_its_part(writer: str, part: int) -> None:
    log = events_of(writer)
    assert parsed(part_name(log, part)) == (log, writer, False, part)
    assert parsed(part_name(log, part)).sequence_scope == writer


@given(writers, writers, parts)
def test_the_name_of_a_log_of_commands_tells_its_writer_and_its_part(writer: str, peer: str, part: int) -> None:
    log = log_to(writer, peer)
    assert parsed(part_name(log, part)) == (log, writer, True, part)
    assert parsed(part_name(log, part)).sequence_scope == log


@pytest.mark.parametrize(
    "name",
    [
        *("ward.inbox", "ward.events.0", "ward.events.", "ward.events.x", "ward.events.1.1", ""),
        *("ward.to", "ward.to.", ".to.ward", "a.b.to.c", "ward.to.lab.0", "ward.events\n"),
    ],
)
def test_what_is_no_log_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a log"):
        parsed(name)


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
    log = events_of("ward")
    assert before == after or part_name(log, before) in earlier_homes(part_name(log, after))


@given(logs, parts)
def test_a_subject_came_from_lower_parts_only(log: str, part: int) -> None:
    earlier = earlier_homes(part_name(log, part))
    assert all(parsed(each).part < part for each in earlier)
    assert (log in earlier) == (part > 0)


@given(logs, powers, st.integers(1, 10))
def test_each_part_has_one_reader_and_no_reader_has_two_more_than_another(log: str, number: int, n: int) -> None:
    shares = [[part for part in range(number) if is_read_by(part_name(log, part), rank, n)] for rank in range(n)]
    assert sorted(part for share in shares for part in share) == list(range(number))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("number", range(1, MOST_PARTS + 1))
def test_a_number_of_parts_is_a_power_of_two(number: int) -> None:
    if number in POWERS:
        assert check_number(number) == number
    else:
        with pytest.raises(ValueError, match="power of two"):
            check_number(number)
