"""Whatever is done to the chain of records, a walk along it finds where."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.model import BEGINNING, Broken, Head, Link, Walk, canonical, chained, upto
from tests.unit.services.recording.records import access

Chain = Sequence[Link]


def chain(length: int) -> list[Link]:
    made = [access(uuid4()) for _ in range(length)]
    return list(chained(Head(0, BEGINNING), ((each, canonical("chart", each)) for each in made)))


def end_of(links: Chain) -> Head:
    return Head(links[-1].position, links[-1].hash) if links else Head(0, BEGINNING)


def walked(links: Chain, head: Head, at_once: int = 3) -> list[Broken]:
    walk, broken = Walk(), list[Broken]()
    for begin in range(0, len(links), at_once):
        broken += walk.on(links[begin : begin + at_once])
    return [*broken, *walk.end(head)]


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


TOUCHES = [removed, removed_and_closed_up, swapped, changed, of_another_patient, under_another_id]


@given(st.integers(0, 8), st.integers(1, 5))
def test_a_chain_that_nobody_has_touched_holds_however_it_is_read(length: int, at_once: int) -> None:
    links = chain(length)
    assert walked(links, end_of(links), at_once) == []


@pytest.mark.parametrize("touch", TOUCHES)
@given(data=st.data(), length=st.integers(2, 8))
def test_one_that_was_touched_is_broken_at_that_place(
    touch: Callable[[Chain, int], Chain], data: st.DataObject, length: int
) -> None:
    links = chain(length)
    place = data.draw(st.integers(0, length - 1))
    broken = walked(touch(links, place), end_of(links))
    assert broken
    assert broken[0].position in {place + 1, (place + 1) % length + 1} or place == length - 1


@pytest.mark.parametrize("touch", [changed, of_another_patient, under_another_id, removed])
@given(data=st.data())
def test_the_walk_goes_on_behind_a_break_and_finds_the_next_one(
    touch: Callable[[Chain, int], Chain], data: st.DataObject
) -> None:
    links = chain(9)
    once = touch(links, 2)
    (first,) = walked(once, end_of(links))
    twice = touch(once, data.draw(st.integers(4, len(once) - 2)))
    found = walked(twice, end_of(links))
    assert len(found) == 2
    assert (found[0].name, found[1].name != first.name) == (first.name, True), "a break keeps its name"


@given(place=st.integers(0, 4))
def test_another_harm_at_the_same_place_has_another_name(place: int) -> None:
    links = chain(6)
    names = {each.name for touch in TOUCHES for each in walked(touch(links, place), end_of(links))[:1]}
    names |= {each.name for each in walked(with_other(links, place, record="{}"), end_of(links))[:1]}
    assert len(names) == len(TOUCHES), "two of the touches put the same record there"


@given(st.integers(1, 8), st.data())
def test_a_chain_whose_last_records_were_cut_off_is_broken_behind_what_is_left(
    length: int, data: st.DataObject
) -> None:
    links = chain(length)
    left = data.draw(st.integers(0, length - 1))
    (broken,) = walked(links[:left], end_of(links))
    assert broken.position == left + 1


def test_two_chains_of_the_same_length_have_different_ends() -> None:
    assert walked(chain(3), end_of(chain(3)))


def test_what_came_after_the_end_was_looked_at_is_not_in_question() -> None:
    links = chain(5)
    assert list(upto(links, end_of(links[:3]))) == links[:3]


def test_a_chain_goes_on_where_it_ended() -> None:
    links = chain(2)
    more = access()
    (last,) = chained(end_of(links), [(more, canonical("chart", more))])
    assert walked([*links, last], end_of([last])) == []


def test_the_text_of_a_record_is_the_same_whenever_it_is_made() -> None:
    one = access()
    again = type(one).model_validate_json(one.model_dump_json())
    assert canonical("chart", one) == canonical("chart", again)
