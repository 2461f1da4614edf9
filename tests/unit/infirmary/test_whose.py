"""Whom a request is about is found where the endpoint names the person."""

from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

from infirmary.http.whose import Whose, whose

ADA = uuid4()


class Of(BaseModel):
    """Something of one patient."""

    patient_id: UUID


class Wanted(BaseModel):
    """Perhaps those of one patient only."""

    patient_id: UUID | None = None


class Listed(BaseModel):
    """Some things of patients."""

    items: list[Of]


class Told(BaseModel):
    """Something of one patient, whose id has another name in it."""

    subject: UUID

    @property
    def patient_id(self) -> UUID:
        return self.subject


class AllTold(BaseModel):
    """Some of that."""

    tells_of_persons: ClassVar[bool] = True
    entry: list[Told]


class Ward(BaseModel):
    """Nothing of patients."""

    name: str


@pytest.mark.parametrize(
    ("takes", "answer", "expected"),
    [
        ({"path": Of}, Listed, Whose("patient_id", "path")),
        ({"body": Of}, Of, Whose("patient_id", "body")),
        ({"path": Ward}, Of, Whose("patient_id", "answer")),
        ({"query": Wanted}, Listed, Whose("patient_id", "query", tells_of_several=True)),
        ({"path": Ward}, Listed, Whose("patient_id", "", tells_of_several=True)),
        ({"path": Ward}, Ward, Whose("patient_id", "")),
        ({"path": Ward}, Told, Whose("patient_id", "answer")),
        ({"query": Wanted}, AllTold, Whose("patient_id", "query", tells_of_several=True)),
    ],
)
def test_an_endpoint_names_the_person_in_one_place(
    takes: dict[str, type[BaseModel]], answer: type[BaseModel], expected: Whose
) -> None:
    assert whose("patient_id", takes, answer) == expected


def test_a_service_that_knows_of_no_persons_names_none() -> None:
    assert whose(None, {"path": Of}, Of) == Whose()


@pytest.mark.parametrize(
    ("said", "person"),
    [
        ({"path": {"patient_id": str(ADA)}}, ADA),
        ({"path": {"patient_id": str(ADA).upper()}}, ADA),
        ({"path": {"patient_id": "no id at all"}}, None),
        ({"path": {"patient_id": "x" * 36}}, None),
        ({"path": {}}, None),
        ({}, None),
    ],
)
def test_what_is_no_id_names_nobody(said: dict[str, object], person: UUID | None) -> None:
    assert Whose("patient_id", "path").person(said, None) == person


def test_a_list_that_was_narrowed_to_one_person_does_not_tell_of_several() -> None:
    listed = Whose("patient_id", "query", tells_of_several=True)
    assert listed.is_of_several(None)
    assert not listed.is_of_several(ADA)


def test_an_answer_that_was_stored_names_the_person_as_well() -> None:
    assert Whose("patient_id", "answer").person({}, Of(patient_id=ADA)) == ADA
    assert Whose("patient_id", "answer").person({}, {"patient_id": str(ADA)}) == ADA
    assert Whose("patient_id", "answer").person({}, Told(subject=ADA)) == ADA
