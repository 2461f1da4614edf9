"""Ways to change one thing in facts made by hand."""

from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from audit.facts import DatabaseState, Facts, SagaFact
from audit.responses import Response
from tests.unit.audit.consistent_hospital import ADA

A = TypeVar("A", bound=Response)


def changed(response: A, **fields: Any) -> A:
    return response.model_copy(update=fields)


def database(facts: Facts, service: str, **fields: Any) -> Facts:
    return replace(
        facts, databases={**facts.databases, service: replace(facts.databases.get(service, DatabaseState()), **fields)}
    )


def prescription(facts: Facts, prescription_id: UUID, **fields: Any) -> Facts:
    found = facts.prescriptions
    return replace(facts, prescriptions={**found, prescription_id: changed(found[prescription_id], **fields)})


def penicillin(facts: Facts, **fields: Any) -> Facts:
    return replace(facts, medications={"penicillin": changed(facts.medications["penicillin"], **fields)})


def account(facts: Facts, **fields: Any) -> Facts:
    return replace(facts, accounts={ADA: changed(facts.accounts[ADA], **fields)})


def entry_of(facts: Facts, reference_id: UUID, /, **fields: Any) -> Facts:
    entries = tuple(
        changed(entry, **fields) if entry.reference_id == reference_id else entry
        for entry in facts.accounts[ADA].entries
    )
    return account(facts, entries=entries)


def entry_twice(facts: Facts, reference_id: UUID) -> Facts:
    entries = facts.accounts[ADA].entries
    return account(facts, entries=(*entries, *(entry for entry in entries if entry.reference_id == reference_id)))


def ward(facts: Facts, **fields: Any) -> Facts:
    return replace(facts, wards={"maternity": changed(facts.wards["maternity"], **fields)})


def chart(facts: Facts, **fields: Any) -> Facts:
    return replace(facts, charts={ADA: changed(facts.charts[ADA], **fields)})


def patient(facts: Facts, **fields: Any) -> Facts:
    return replace(facts, patients={ADA: changed(facts.patients[ADA], **fields)})


def notified(facts: Facts, reference_id: UUID, times: int) -> Facts:
    others = [each for each in facts.notifications if each.reference_id != reference_id]
    these = [each for each in facts.notifications if each.reference_id == reference_id]
    return replace(facts, notifications=[*others, *these * times])


def erased(facts: Facts) -> Facts:
    """Returns the facts after Ada was erased, and nothing else has happened."""
    told = replace(facts.logs["patient"][-1], type="PatientErased", body={"patient_id": str(ADA)})
    return replace(facts, logs={**facts.logs, "patient": (*facts.logs["patient"][:-1], told)}, patients={}, charts={})


def saga(facts: Facts, status: str, reason: str | None, **steps: str) -> Facts:
    return database(facts, "admission", sagas=[SagaFact(uuid4(), "admission", status, reason, steps)])
