"""An earlier shape of a message is lifted by a pure function of its reader; one that could not be called is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infirmary.declaring.declaration import Misdeclared
from infirmary.messages import Event, publishes, reads
from infirmary.transport.body import read_body
from infirmary.transport.envelope import MalformedMessage
from infirmary.upcasting import EarlierShape, upcasts


@reads("patient")
class Moved(Event):
    """What is read today."""

    patient: str
    floor: int
    room: int


class Numbered(EarlierShape):
    """Rooms had the floor in their number."""

    patient: str
    number: int


class Named(EarlierShape):
    """And before that names."""

    patient: str
    name: str


@upcasts(Moved)
def from_number(earlier: Numbered) -> Moved:
    return Moved(patient=earlier.patient, floor=earlier.number // 100, room=earlier.number % 100)


@upcasts(Moved)
def from_name(earlier: Named) -> Moved:
    return from_number(Numbered(patient=earlier.patient, number={"west": 101, "east": 202}[earlier.name]))


def read(**fields: object) -> Moved:
    return read_body(Moved, json.dumps({"patient": "p", **fields}).encode())


@given(st.integers(0, 99), st.integers(0, 99))
def test_both_shapes_say_the_same(floor: int, room: int) -> None:
    today = Moved(patient="p", floor=floor, room=room)
    assert read(number=100 * floor + room) == today
    assert read(floor=floor, room=room, number=1) == today, "what has the present shape is not lifted"


def test_a_shape_before_the_one_before_is_lifted_too() -> None:
    assert read(name="east") == Moved(patient="p", floor=2, room=2)


def test_what_has_none_of_the_shapes_cannot_be_read() -> None:
    with pytest.raises(MalformedMessage, match=r"Moved\.floor: Field required; Moved\.room: Field required"):
        read(street="Main")


def test_a_fault_of_the_function_is_a_bug_and_no_unreadable_message() -> None:
    with pytest.raises(KeyError):
        read(name="south")
    with pytest.raises(ValidationError):
        _reading(lambda earlier: Moved.model_validate({"patient": earlier.patient}))


def _reading(lift: Any) -> Event:
    @reads("patient")
    class Left(Event):
        patient: str
        day: str

    def from_name(earlier: Named) -> Left:
        made: Left = lift(earlier)
        return made

    from_name.__annotations__ = {"earlier": Named, "return": Left}
    upcasts(Left)(from_name)
    return read_body(Left, b'{"patient": "p", "name": "west"}')


class Anything(EarlierShape):
    """Nothing that it needs."""

    note: str = ""


def without_annotation(earlier):  # type: ignore[no-untyped-def]
    return earlier


def of_no_shape(earlier: Moved) -> Moved:
    return earlier


def of_anything(earlier: Anything) -> Moved:
    return Moved(patient=earlier.note, floor=0, room=0)


def to_something_else(earlier: Named) -> str:
    return earlier.name


@pytest.mark.parametrize(
    ("lift", "complaint"),
    [
        (without_annotation, "say by its annotation which EarlierShape it takes"),
        (of_no_shape, "say by its annotation which EarlierShape it takes"),
        (of_anything, "needs no field, so that anything has this shape"),
        (to_something_else, "returns str; it should return Moved"),
    ],
)
def test_a_function_that_could_not_lift_is_refused(lift: Any, complaint: str) -> None:
    before = Moved.upcasters
    with pytest.raises(Misdeclared, match=complaint):
        upcasts(Moved)(lift)
    assert Moved.upcasters == before


def test_only_what_is_read_or_received_is_lifted() -> None:
    @publishes(subject="patient")
    class Came(Event):
        patient: str

    with pytest.raises(Misdeclared, match="is declared by @publishes"):
        upcasts(Came)
