"""A handler that would not be called, or not as it expects, is refused where it is registered."""

from typing import Any
from uuid import UUID

import pytest

from infirmary.declaring.declaration import Misdeclared
from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.messages import Command, Event, publishes, reads, receives, sends


@reads("patient")
class Came(Event):
    patient_id: UUID


@reads("patient")
class Left(Event):
    patient_id: UUID


@publishes(subject="patient_id")
class Greeted(Event):
    patient_id: UUID


@receives("admission")
class MakeRoom(Command):
    patient_id: UUID


@sends("ward")
class AskForRoom(Command):
    patient_id: UUID


class Undeclared(Event):
    patient_id: UUID


def room_of_prescription() -> type[Command]:
    @receives("prescription")
    class MakeRoom(Command):
        patient_id: UUID

    return MakeRoom


def on_came(event: Came, tx: Any) -> None:
    pass


def on_any(event: Event, tx: Any) -> None:
    pass


def make_room(command: MakeRoom, tx: Any) -> Outcome:
    return Refused("full")


@pytest.fixture
def handlers() -> Handlers:
    return Handlers("reception")


def test_what_fits_is_registered(handlers: Handlers) -> None:
    handlers.on(Came)(on_came)
    handlers.on(Left)(on_any)
    handlers.command(MakeRoom)(make_room)
    assert handlers.events == {("patient", "Came"): (Came, on_came), ("patient", "Left"): (Left, on_any)}
    assert handlers.commands == {"MakeRoom": (MakeRoom, make_room)}


def test_one_function_handles_a_message(handlers: Handlers) -> None:
    handlers.on(Came)(on_came)
    handlers.command(MakeRoom)(make_room)
    with pytest.raises(Misdeclared, match=r"Came is handled by \S+on_came and by \S+on_any; one function handles"):
        handlers.on(Came)(on_any)
    with pytest.raises(Misdeclared, match="MakeRoom is handled by"):
        handlers.command(MakeRoom)(make_room)


def test_two_commands_of_one_name_cannot_be_told_apart(handlers: Handlers) -> None:
    def make_other_room(command: Any, tx: Any) -> Outcome:
        pass

    handlers.command(MakeRoom)(make_room)
    with pytest.raises(Misdeclared, match=r"reception handles two messages called MakeRoom, .*; rename one of them"):
        handlers.command(room_of_prescription())(make_other_room)


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Undeclared, r'Undeclared is not declared; put @reads\("<publisher>"\) above the class'),
        (Greeted, "Greeted is declared by @publishes, and what is used here is declared by @reads"),
        (MakeRoom, "MakeRoom is declared by @receives"),
        ("Came", "'Came' is no message class"),
    ],
)
def test_only_what_is_read_is_handled_as_an_event(handlers: Handlers, kind: Any, complaint: str) -> None:
    with pytest.raises(Misdeclared, match=complaint):
        handlers.on(kind)


@pytest.mark.parametrize("kind", [AskForRoom, Came, Undeclared])
def test_only_what_is_received_is_handled_as_a_command(handlers: Handlers, kind: Any) -> None:
    with pytest.raises(Misdeclared, match=r'@receives\("<orchestrator>"\)'):
        handlers.command(kind)


def test_a_service_does_not_listen_to_itself() -> None:
    with pytest.raises(Misdeclared, match="Came: patient is this service itself"):
        Handlers("patient").on(Came)


def takes_nothing() -> None:
    pass


def takes_too_much(event: Came, tx: Any, more: str) -> None:
    pass


def takes_another(event: Left, tx: Any) -> None:
    pass


def needs_a_keyword(event: Came, tx: Any, *, more: str) -> None:
    pass


def says_no(event: Came, tx: Any) -> Outcome:
    pass


async def waits(event: Came, tx: Any) -> None:
    pass


def yields(event: Came, tx: Any) -> Any:
    yield


@pytest.mark.parametrize(
    ("handler", "complaint"),
    [
        (takes_nothing, r"takes_nothing takes \(\); it is called with \(Came, tx\)"),
        (takes_too_much, r"takes_too_much takes \(event, tx, more\); it is called with \(Came, tx\)"),
        (takes_another, "takes_another takes a Left, and is registered for Came; make the two one"),
        (needs_a_keyword, r"needs_a_keyword takes"),
        (says_no, "says_no returns .*Refused.*; it should return None"),
        (waits, "waits: nobody would await it"),
        (yields, "yields: nobody would await it or go through it"),
    ],
)
def test_a_handler_takes_the_message_and_the_transaction(handlers: Handlers, handler: Any, complaint: str) -> None:
    with pytest.raises(Misdeclared, match=complaint):
        handlers.on(Came)(handler)


def test_one_function_handles_several_events_of_one_base(handlers: Handlers) -> None:
    handlers.on(Came, Left)(on_any)
    assert [handler for _, handler in handlers.events.values()] == [on_any, on_any]
    with pytest.raises(Misdeclared, match="takes_another takes a Left, and is registered for Came"):
        Handlers("ward").on(Left, Came)(takes_another)  # type: ignore[arg-type]
    with pytest.raises(Misdeclared, match=r"on\(\) names no event"):
        handlers.on()


def test_a_handler_of_a_command_returns_its_outcome(handlers: Handlers) -> None:
    def says_yes(command: MakeRoom, tx: Any) -> bool:
        return True

    with pytest.raises(Misdeclared, match=r"says_yes returns bool; it should return .*Refused"):
        handlers.command(MakeRoom)(says_yes)  # type: ignore[arg-type]


def test_a_handler_is_registered_with_its_own_service(handlers: Handlers) -> None:
    def heard(event: Came, tx: Any) -> None:
        raise NotImplementedError

    heard.__module__ = "services.ward.handlers"
    with pytest.raises(Misdeclared, match=r"heard is ward's, and is registered with \w+; write ward there"):
        handlers.on(Came)(heard)
