"""A message class that could not be written, or not be read, is refused where it is declared."""

import enum
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from pydantic import Field, StringConstraints, create_model

from infirmary.declaring.declaration import Misdeclared
from infirmary.messages import Command, Event, Message, encode, publishes, reads, receives, sends
from local.rundir import REPOSITORY

pytestmark = pytest.mark.filterwarnings("ignore:Field name:UserWarning")


class Lock:
    """What JSON cannot hold."""


PatientId = NewType("PatientId", UUID)


class Shade(enum.Enum):
    DARK = "dark"


class Colour(enum.StrEnum):
    RED = "red"


def event(**fields: Any) -> type[Event]:
    made: type[Event] = create_model("Came", __base__=Event, __module__=__name__, **fields)
    return made


def command(**fields: Any) -> type[Command]:
    made: type[Command] = create_model("MakeRoom", __base__=Command, __module__=__name__, **fields)
    return made


@pytest.mark.parametrize(
    "kind",
    [UUID, str, int, Annotated[str, StringConstraints(max_length=5)], Literal["a", "b"], PatientId, Colour, UUID | str],
)
def test_a_subject_is_a_field_that_holds_an_id(kind: Any) -> None:
    declared = publishes(subject="ward")(event(ward=(kind, ...)))
    assert declared.contract.subject_field == "ward"


@pytest.mark.parametrize("kind", [str | None, bool, float, Decimal, datetime, list[str], dict[str, str], Shade, Any])
def test_a_subject_of_any_other_type_is_refused(kind: Any) -> None:
    with pytest.raises(Misdeclared, match=r'test_declaration.Came: subject="ward" should be a field that always holds'):
        publishes(subject="ward")(event(ward=(kind, ...)))


def test_a_subject_that_names_no_field_is_told_which_there_are() -> None:
    with pytest.raises(Misdeclared, match=r'Came: subject="wardd" names no field of the class; take one of ward, bed'):
        publishes(subject="wardd")(event(ward=(str, ...), bed=(int, ...)))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"subject": (str, ...)}, "Came.subject: the library has a use of its own"),
        ({"contract": (str, ...)}, "Came.contract: the library has a use of its own"),
        ({"ward": (str, Field(alias="Ward"))}, "Came.ward: a message is written and read by the names"),
        ({"ward": (str, Field(exclude=True))}, "Came.ward: a message is written and read by the names"),
        ({"scan": (bytes, ...)}, "Came.scan: bytes cannot be written as JSON"),
        ({"scan": (list[bytes], ...)}, "Came.scan: list"),
        ({"lock": (Lock, ...)}, "Came.lock: .* cannot be written as JSON"),
        ({"call": (Callable[[], None], ...)}, "Came.call: .* cannot be written as JSON"),
        ({"beds": (int, "many")}, "Came.beds: its default is not of its type"),
        ({"note": (str, None)}, "Came.note: its default is not of its type"),
        ({"beds": (int, Field(default=0, ge=1))}, "Came.beds: its default is not of its type"),
        ({"anything": (Any, object())}, "Came: a default cannot be written as JSON"),
        ({"ward": ("Unknown", ...)}, "Came: the type of a field is not known yet"),
    ],
)
def test_a_field_that_cannot_be_written_or_read_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Misdeclared, match=complaint):
        reads("ward")(event(**fields))


@pytest.mark.parametrize("name", ["step", "attempt", "is_compensation", "action_step"])
def test_a_command_leaves_the_library_its_names(name: str) -> None:
    with pytest.raises(Misdeclared, match=f"MakeRoom.{name}: the library has a use of its own"):
        sends("ward")(command(**{name: (list[str], ...)}))


def test_defaults_that_are_good_are_good() -> None:
    made = reads("ward")(event(note=(str | None, None), beds=(list[int], []), price=(Decimal, Decimal("1.50"))))
    assert encode(made()) == b'{"note":null,"beds":[],"price":"1.50"}'


@pytest.mark.parametrize(
    ("declare", "kind"),
    [(publishes(subject="ward"), command), (reads("ward"), command), (sends("ward"), event), (receives("ward"), event)],
)
def test_events_are_published_and_read_and_commands_sent_and_received(
    declare: Callable[[type[Message]], type[Message]], kind: Callable[..., type[Message]]
) -> None:
    with pytest.raises(Misdeclared, match="is for classes of"):
        declare(kind(ward=(str, ...)))


def test_a_class_is_declared_once() -> None:
    with pytest.raises(Misdeclared, match="Came is declared twice"):
        reads("ward")(reads("patient")(event(ward=(str, ...))))


@pytest.mark.parametrize("peer", ["", "day-care", "day_care", "Ward", "relay"])
def test_the_other_end_is_a_service(peer: str) -> None:
    with pytest.raises(Misdeclared, match="Came: a service cannot be called"):
        reads(peer)(event(ward=(str, ...)))


@pytest.mark.parametrize("declare", [reads, sends, receives])
def test_the_other_end_is_named(declare: Any) -> None:
    with pytest.raises(Misdeclared, match=r"Came: @\w+ names the service at the other end: @\w+\(\"<\w+>\"\)"):
        declare(event(ward=(str, ...)))


def test_the_other_end_is_another_service() -> None:
    mine: type[Event] = create_model("Came", __base__=Event, __module__="services.ward.messages")
    with pytest.raises(Misdeclared, match=r"services\.ward\.messages\.Came: ward is this service itself"):
        reads("ward")(mine)


def test_a_number_that_json_does_not_know_is_no_value_of_a_field() -> None:
    made = publishes(subject="ward")(event(ward=(str, ...), share=(float, ...)))
    with pytest.raises(ValueError, match="finite number"):
        made(ward="w", share=float("nan"))


def test_an_event_names_the_field_of_its_subject() -> None:
    with pytest.raises(Misdeclared, match="@publishes names the field that holds the aggregate's id"):
        publishes(event(ward=(str, ...)))
    with pytest.raises(Misdeclared, match="@publishes names the field that holds the aggregate's id"):
        publishes()


def test_declaring_reads_no_environment() -> None:
    imports = "import services.admission.saga, services.ward.handlers, services.patient.api"
    environment = {"PATH": os.environ["PATH"], "INFIRMARY_SERVICES": "no package", "TRACE_SAMPLE_RATIO": "nonsense"}
    subprocess.run([sys.executable, "-c", imports], env=environment, cwd=REPOSITORY, check=True)
