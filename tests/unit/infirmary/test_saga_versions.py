"""A saga goes on by the version that it began with; what could not be told apart cannot be declared."""

from typing import Any

import pytest
from pydantic import BaseModel

from infirmary.declaring.declaration import Misdeclared
from infirmary.messages import Command, sends
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.saga.advance import initial
from infirmary.saga.definition import Saga, Step
from infirmary.saga.versions import KnownSagas, UnknownVersion
from tests.unit.infirmary.saga_script import Run


class Stay(BaseModel):
    nights: int
    note: str = ""


class Longer(BaseModel):
    nights: int
    days: int


@sends("ward")
class Reserve(Command):
    nights: int


@sends("pharmacy")
class Prepare(Command):
    note: str


@sends("billing")
class Charge(Command):
    nights: int


BED = Step("bed", Reserve, compensation=Reserve)
BILL = Step("bill", Charge, compensation=Charge, pivot=True)
FIRST = Saga("stay", Stay, BED, BILL)
SECOND = Saga("stay", Stay, Step("medicine", Prepare, compensation=Prepare), BED, BILL, version=2, before=[FIRST])
THIRD = Saga(
    "stay", Stay, Step("invoice", Charge, compensation=Charge, pivot=True), version=3, before=[SECOND.before[0]]
)


def test_a_saga_of_each_version_goes_through_the_steps_of_its_own() -> None:
    known = KnownSagas([SECOND])
    asked = {}
    for version in (FIRST, SECOND):
        run = Run(known.of("stay", version.version, initial(version)))
        while run.state.status == "running":
            run.done()
        asked[version.version] = run.asked
    assert asked == {1: ["bed", "bill"], 2: ["medicine", "bed", "bill"]}


def test_a_version_that_is_not_declared_here_is_unknown() -> None:
    for sagas, name, version in (([FIRST], "stay", 2), ([THIRD], "stay", 2), ([FIRST], "visit", 1)):
        with pytest.raises(UnknownVersion, match=f"version {version} of {name}, which this release does not know"):
            KnownSagas(sagas).of(name, version, initial(FIRST))


def test_other_steps_under_the_same_number_are_another_version() -> None:
    with pytest.raises(
        UnknownVersion, match="has the steps medicine, bed, bill, and this release declares bed, bill for"
    ):
        KnownSagas([FIRST]).of("stay", 1, initial(SECOND))


def test_participants_of_every_version_are_asked_and_listened_to() -> None:
    assert Orchestrator("hotel", SECOND).peers() == {"pharmacy", "ward", "billing"}
    assert Orchestrator("hotel", THIRD).peers() == {"ward", "billing"}


@pytest.mark.parametrize(
    ("version", "before", "complaint"),
    [
        (0, [], "versions count from 1"),
        (1, [FIRST], r"its older versions are \[1\]"),
        (3, [FIRST, FIRST], r"its older versions are \[1, 1\]"),
        (3, [SECOND], "none before it"),
        (2, [Saga("visit", Stay, BED, BILL)], "it stands before stay; a version before has the same name"),
    ],
    ids=["nought", "not older", "one number twice", "before before", "another saga"],
)
def test_versions_that_cannot_be_told_apart_are_refused(version: int, before: list[Saga[Any]], complaint: str) -> None:
    with pytest.raises(Misdeclared, match=complaint):
        Saga("stay", Stay, BED, BILL, version=version, before=before)


def test_sagas_of_an_older_version_end_by_the_newests_functions_so_their_data_must_do_for_those() -> None:
    with pytest.raises(Misdeclared, match=r"saga stay: Longer\.days is not among what Stay holds"):
        Saga("stay", Longer, BED, BILL, version=2, before=[FIRST])
    ending = Saga("stay", Stay, BED, BILL)

    @ending.when_completed
    def guest_has_left(stay: Stay, tx: Any) -> None:
        pass

    with pytest.raises(Misdeclared, match="its sagas end by the functions of the newest version"):
        Saga("stay", Stay, BED, BILL, version=2, before=[ending])


def test_what_an_older_version_asks_is_checked_like_the_newests() -> None:
    with pytest.raises(Misdeclared, match="saga stay: Prepare goes to pharmacy itself"):
        Orchestrator(
            "pharmacy",
            Saga(
                "stay",
                Stay,
                BED,
                BILL,
                version=3,
                before=[Saga("stay", Stay, Step("medicine", Prepare, compensation=Prepare), BED, BILL)],
            ),
        )
