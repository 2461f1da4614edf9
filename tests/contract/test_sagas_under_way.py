"""Sagas that are under way go by a declaration that was committed, so that one stays as it is until none does."""

import subprocess
from typing import Any

import pytest
from pydantic import BaseModel

from infirmary.messages import Command, sends
from infirmary.saga.definition import Saga, Step
from tests.contract.small_hospital import Hospital
from tests.contract.test_messages_from_before import NOW, commit


class Order(BaseModel):
    """What the saga knew at first."""

    boxes: int


class Noted(BaseModel):
    """And later, with a default."""

    boxes: int
    note: str = ""


class Dated(BaseModel):
    """And without."""

    boxes: int
    day: str


@sends("billing")
class Pay(Command):
    boxes: int


@sends("billing")
class Insure(Command):
    boxes: int


@sends("billing")
class PayBack(Command):
    boxes: int


INSURANCE, PAYMENT = Step("insurance", Insure, compensation=PayBack), Step("payment", Pay, PayBack, pivot=True)
ORDER = Saga("order", Order, PAYMENT)
INSURED = Saga("order", Order, INSURANCE, PAYMENT, version=2, before=[ORDER])


def about_sagas(hospital: Hospital) -> list[str]:
    """What a check says after everything is written anew."""
    assert hospital.working_copy.write() == []
    return [line for line in hospital.breaking() if "under way" in line or " is gone" in line]


@pytest.fixture
def committed(hospital: Hospital) -> Hospital:
    """A hospital whose inventory leads the first version of a saga."""
    hospital.sagas = [ORDER]
    commit(hospital, NOW)
    return hospital


CHANGED: dict[str, list[Step]] = {
    "a step is added": [INSURANCE, PAYMENT],
    "a step is renamed": [Step("paying", Pay, PayBack, pivot=True)],
    "a step asks for something else": [Step("payment", Insure, PayBack, pivot=True)],
    "a step is undone by something else": [Step("payment", Pay, Insure, pivot=True)],
    "a step is of another kind": [Step("insurance", Insure, PayBack, pivot=True), Step("payment", Pay, retriable=True)],
}


@pytest.mark.parametrize("steps", CHANGED.values(), ids=CHANGED)
def test_steps_do_not_change_without_a_new_version(committed: Hospital, steps: list[Step]) -> None:
    committed.sagas = [Saga("order", Order, *steps)]
    complaint = (
        "inventory: the steps of version 1 of saga order have changed, and sagas under way go by those that were"
        " committed; declare version 2 and leave this one in `before`"
    )
    assert about_sagas(committed) == [complaint]
    commit(committed, NOW)
    assert about_sagas(committed) == [complaint], "as it is when it is about to be merged"


def test_steps_that_trade_places_are_a_new_version(hospital: Hospital) -> None:
    other = Step("other", Insure, compensation=PayBack)
    hospital.sagas = [Saga("order", Order, INSURANCE, other, PAYMENT)]
    commit(hospital, NOW)
    hospital.sagas = [Saga("order", Order, other, INSURANCE, PAYMENT)]
    assert len(about_sagas(hospital)) == 1


def test_they_change_with_a_new_version_beside_the_old(committed: Hospital) -> None:
    committed.sagas = [INSURED]
    assert about_sagas(committed) == []
    assert committed.schema_file("inventory/schemas/sagas/order.1.json").exists()
    assert committed.schema_file("inventory/schemas/sagas/order.2.json").exists()
    assert committed.working_copy.check().stale == []


def test_an_old_version_does_not_go_unless_that_is_said(committed: Hospital) -> None:
    committed.sagas = [Saga("order", Order, INSURANCE, PAYMENT, version=2)]
    [complaint] = about_sagas(committed)
    assert complaint.startswith("inventory: version 1 of saga order is gone, and sagas may still go by it; leave it in")
    assert complaint.endswith("or say `retired=[1]` when none does")
    committed.sagas = [Saga("order", Order, INSURANCE, PAYMENT, version=2, retired=[1])]
    assert about_sagas(committed) == []
    assert not committed.schema_file("inventory/schemas/sagas/order.1.json").exists()


def test_a_saga_does_not_go_in_silence(committed: Hospital) -> None:
    committed.sagas = []
    assert len(about_sagas(committed)) == 1


@pytest.mark.parametrize(("data", "complaints"), [(Noted, 0), (Dated, 1)])
def test_the_data_of_sagas_under_way_are_read_by_the_model_of_today(
    committed: Hospital, data: type[BaseModel], complaints: int
) -> None:
    declared: Saga[Any] = Saga("order", data, PAYMENT)
    committed.sagas = [declared]
    found = about_sagas(committed)
    assert len(found) == complaints
    if found:
        assert found[0].startswith("inventory: Dated.day: sagas under way that go by version 1 of saga order lack it")


def test_a_file_that_is_not_what_the_code_declares_is_stale(committed: Hospital) -> None:
    committed.sagas = [INSURED]
    assert committed.working_copy.check().stale == ["services/inventory/schemas/sagas/order.2.json: is missing"]


def test_without_a_history_nothing_is_under_way(hospital: Hospital) -> None:
    assert subprocess.run(["git", "status"], cwd=hospital.root, capture_output=True, check=False).returncode != 0
    hospital.sagas = [ORDER]
    assert about_sagas(hospital) == []
