"""Whatever is done to the chain of records, a walk along it finds where."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.model import BEGINNING, Broken, Head, Link, Walk, canonical, chained
from tests.unit.services.recording.records import access

Chain = Sequence[Link]


def chain(length: int) -> list[Link]:
    made = [access(uuid4()) for _ in range(length)]
    return list(chained(Head(0, BEGINNING), ((each, canonical("chart", each)) for each in made)))


def end_of(links: Chain) -> Head:
    return Head(links[-1].position, links[-1].hash) if links else Head(0, BEGINNING)


def walked(links: Chain, head: Head, at_once: int = 3) -> Broken | None:
    return Walk().along((links[begin : begin + at_once] for begin in range(0, len(links), at_once)), head)


def removed(links: Chain, place: int) -> Chain:
    return [*links[:place], *links[place + 1 :]]


def removed_and_closed_up(links: Chain, place: int) -> Chain:
    after = (replace(link, position=link.position - 1) for link in links[place + 1 :])
    return [*links[:place], *after]


def swapped(links: Chain, place: int) -> Chain:
    other = (place + 1) % len(links)
    there = {place: replace(links[other], position=place + 1), other: replace(links[place], position=other + 1)}
    return [there.get(number, link) for number, link in enumerate(links)]


def with_other(links: Chain, place: int, **changed: Any) -> Chain:
    return [*links[:place], replace(links[place], **changed), *links[place + 1 :]]


def changed(links: Chain, place: int) -> Chain:
    return with_other(links, place, record=links[place].record.replace("dr-who", "nobody"))


def of_another_patient(links: Chain, place: int) -> Chain:
    return with_other(links, place, patient_id=uuid4())


def under_another_id(links: Chain, place: int) -> Chain:
    return with_other(links, place, access_id=uuid4())


@given(st.integers(0, 8), st.integers(1, 5))
def test_a_chain_that_nobody_has_touched_holds_however_it_is_read(length: int, at_once: int) -> None:
    links = chain(length)
    assert walked(links, end_of(links), at_once) is None


@pytest.mark.parametrize(
    "touch", [removed, removed_and_closed_up, swapped, changed, of_another_patient, under_another_id]
)
@given(data=st.data(), length=st.integers(2, 8))
def test_one_that_was_touched_is_broken_at_that_place(
    touch: Callable[[Chain, int], Chain], data: st.DataObject, length: int
) -> None:
    links = chain(length)
    place = data.draw(st.integers(0, length - 1))
    broken = walked(touch(links, place), end_of(links))
    assert broken is not None
    assert broken.position in {place + 1, (place + 1) % length + 1} or place == length - 1


@given(st.integers(1, 8), st.data())
def test_a_chain_whose_last_records_were_cut_off_is_broken_behind_what_is_left(
    length: int, data: st.DataObject
) -> None:
    links = chain(length)
    left = data.draw(st.integers(0, length - 1))
    broken = walked(links[:left], end_of(links))
    assert broken is not None
    assert broken.position == left + 1


def test_two_chains_of_the_same_length_have_different_ends() -> None:
    assert walked(chain(3), end_of(chain(3))) is not None


def test_a_chain_goes_on_where_it_ended() -> None:
    links = chain(2)
    more = access()
    (last,) = chained(end_of(links), [(more, canonical("chart", more))])
    assert walked([*links, last], end_of([last])) is None


def test_the_text_of_a_record_is_the_same_whenever_it_is_made() -> None:
    one = access()
    again = type(one).model_validate_json(one.model_dump_json())
    assert canonical("chart", one) == canonical("chart", again)
