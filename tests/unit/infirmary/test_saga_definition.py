"""A saga that could get stuck half-way, or ask for what it cannot say, cannot be declared."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from infirmary.declaring.declaration import Misdeclared
from infirmary.messages import Command, sends
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.saga.definition import Saga, Step


class Stay(BaseModel):
    patient_id: UUID
    nights: int
    note: str | None = None


@sends("ward")
class Reserve(Command):
    patient_id: UUID
    nights: int


@sends("ward")
class Release(Command):
    patient_id: UUID


@sends("billing")
class Refund(Command):
    patient_id: UUID


@sends("ward")
class ReserveRoom(Command):
    patient_id: UUID
    room: str


@sends("ward")
class ReserveNoted(Command):
    note: str


@sends("ward")
class ReservePolite(Command):
    room: str = "any"


class Undeclared(Command):
    patient_id: UUID


class Attempted(Stay):
    attempt: int


PIVOT = Step("bed", Reserve, compensation=Release, pivot=True)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [Step("a", Reserve, compensation=Release)],
        [PIVOT, Step("b", Reserve, compensation=Release)],
        [Step("a", Reserve, retriable=True), PIVOT],
        [PIVOT, Step("b", Reserve, compensation=Release, pivot=True)],
        [Step("bed", Release), PIVOT],
        [Step("a", Reserve, pivot=True)],
        [PIVOT, Step("b", Reserve, compensation=Release, retriable=True)],
        [Step("a", Reserve, compensation=Release, pivot=True, retriable=True)],
        [Step("a.compensation", Reserve), PIVOT],
        [Step("", Reserve), PIVOT],
    ],
    ids=[
        "no step",
        "no pivot",
        "a step after the pivot that may fail",
        "retriable before the pivot",
        "two pivots",
        "one name twice",
        "no way back",
        "a way back that is never gone",
        "pivot and retriable",
        "a compensation's name",
        "no name",
    ],
)
def test_a_saga_that_could_get_stuck_half_way_cannot_be_declared(steps: list[Step]) -> None:
    with pytest.raises(Misdeclared, match=r"^saga stay: "):
        Saga("stay", Stay, *steps)


def test_what_is_decided_where_the_saga_starts_needs_no_pivot() -> None:
    saga = Saga("stay", Stay, Step("a", Reserve, retriable=True), Step("b", Reserve, retriable=True))
    assert [step.name for step in saga.steps] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "step", "complaint"),
    [
        (
            Stay,
            Step("bed", ReserveRoom, compensation=Release, pivot=True),
            "ReserveRoom.room is not among what Stay holds",
        ),
        (
            Stay,
            Step("bed", Release, compensation=ReserveRoom, pivot=True),
            "ReserveRoom.room is not among what Stay holds",
        ),
        (
            Stay,
            Step("bed", ReserveNoted, compensation=Release, pivot=True),
            "ReserveNoted.note should be string, and Stay",
        ),
        (Stay, Step("bed", Reserve, compensation=Refund, pivot=True), "Refund undoes Reserve and goes to billing"),
        (Attempted, PIVOT, "Attempted.attempt: the library fills attempt in"),
    ],
    ids=["command", "compensation", "null at times", "undone by somebody else", "the library's own"],
)
def test_a_command_that_cannot_be_made_of_the_sagas_data_is_named(
    data: type[BaseModel], step: Step, complaint: str
) -> None:
    with pytest.raises(Misdeclared, match=f"^saga stay: {complaint}"):
        Saga("stay", data, step)


def test_a_field_with_a_default_need_not_be_among_the_data() -> None:
    assert Saga("stay", Stay, Step("bed", ReservePolite, compensation=Release, pivot=True)).name == "stay"


def test_a_sagas_data_are_a_model() -> None:
    with pytest.raises(Misdeclared, match="saga stay: its data, <class 'dict'>, are kept as JSON"):
        Saga("stay", dict, PIVOT)  # type: ignore[type-var]


def test_a_command_without_a_decorator_is_named() -> None:
    with pytest.raises(Misdeclared, match=r'Undeclared is not declared; put @sends\("<participant>"\) above the class'):
        Saga("stay", Stay, Step("bed", Undeclared, compensation=Release, pivot=True))


def test_what_ends_a_saga_takes_what_it_is_given_and_is_there_once() -> None:
    saga = Saga("stay", Stay, PIVOT)

    def without_reason(stay: Stay, tx: Any) -> None:
        pass

    def with_reason(stay: Stay, reason: str, tx: Any) -> None:
        pass

    with pytest.raises(Misdeclared, match=r"without_reason takes \(stay, tx\); it is called with \(Stay, reason, tx\)"):
        saga.when_failed(without_reason)  # type: ignore[arg-type]
    saga.when_failed(with_reason)
    with pytest.raises(Misdeclared, match="when_failed is there twice"):
        saga.when_failed(with_reason)
    saga.when_completed(without_reason)
    with pytest.raises(Misdeclared, match="when_completed is there twice"):
        saga.when_completed(without_reason)


def test_a_service_leads_sagas_of_different_names_and_asks_others() -> None:
    with pytest.raises(Misdeclared, match="admission has two sagas of one name"):
        Orchestrator("admission", Saga("stay", Stay, PIVOT), Saga("stay", Stay, PIVOT))
    with pytest.raises(Misdeclared, match="saga stay: Reserve goes to ward itself"):
        Orchestrator("ward", Saga("stay", Stay, PIVOT))
    with pytest.raises(ValueError, match="cannot be called 'day-care'"):
        Orchestrator("day-care", Saga("stay", Stay, PIVOT))
