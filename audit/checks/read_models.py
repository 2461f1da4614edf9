"""Snapshots and charts are equal to what their owners say."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from audit.facts import Facts
from audit.ledger import Ledger
from audit.responses import ChartResponse, LabResultResponse, PrescriptionResponse
from audit.violation import Violation

ERASED = "erased"
"""What copies call a person who was erased."""

SNAPSHOTS = "every snapshot is equal to its owner"
CHARTS = "every chart is equal to its owners"


def snapshots_are_equal(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """The patient's name in prescription and lab is the one that patient gives them."""
    copies: dict[str, PrescriptionResponse | LabResultResponse] = {}
    copies |= {f"prescription {key}": prescription for key, prescription in facts.prescriptions.items()}
    copies |= {f"lab result {key}": result for key, result in facts.lab_results.items()}
    erased = facts.erased()
    for where, copy in copies.items():
        owner = facts.patients.get(copy.patient_id)
        if copy.patient_id in erased:
            if copy.patient_name != ERASED:
                yield Violation(SNAPSHOTS, where, f"says {copy.patient_name!r} of a patient who was erased")
        elif owner is None:
            yield Violation(SNAPSHOTS, where, f"patient {copy.patient_id} is unknown to their owner")
        elif owner.full_name != copy.patient_name:
            yield Violation(SNAPSHOTS, where, f"says {copy.patient_name!r}, the owner says {owner.full_name!r}")


def charts_are_equal(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Each patient's chart shows what the owners say, part by part."""
    for patient_id in facts.erased() & facts.charts.keys():
        yield Violation(CHARTS, f"chart {patient_id}", "is of a patient who was erased")
    for patient_id in facts.patients:
        chart = facts.charts.get(patient_id)
        if chart is None:
            yield Violation(CHARTS, f"chart {patient_id}", "there is none")
            continue
        for part, shown, owned in _parts(facts, patient_id, chart):
            if shown != owned:
                yield Violation(
                    CHARTS, f"chart {patient_id}, {part}", f"shows {_brief(shown)}, should be {_brief(owned)}"
                )


Part = tuple[str, Any, Any]


def _parts(facts: Facts, patient_id: UUID, chart: ChartResponse) -> Iterator[Part]:
    """Yields the name of each part, what the chart shows, and what its owner says."""
    shown, patient = chart.patient, facts.patients[patient_id]
    yield (
        "patient",
        (shown.full_name, shown.version, shown.admitted),
        (patient.full_name, patient.version, patient.admitted),
    )
    bed = chart.admission
    yield (
        "admission",
        (bed.admission_id, bed.ward_id, bed.status, bed.bed_reserved) if bed else None,
        _admission_of(facts, patient_id),
    )
    yield (
        "prescriptions",
        {each.prescription_id: each.status for each in chart.prescriptions},
        {each.prescription_id: each.status for each in facts.prescriptions.values() if each.patient_id == patient_id},
    )
    yield (
        "lab results",
        _sorted(each.lab_result_id for each in chart.lab_results),
        _sorted(each.lab_result_id for each in facts.lab_results.values() if each.patient_id == patient_id),
    )
    yield (
        "notifications",
        _sorted(each.notification_id for each in chart.notifications),
        _sorted(each.notification_id for each in facts.notifications if each.patient_id == patient_id),
    )
    if patient_id in facts.accounts:
        yield "balance", chart.balance, facts.accounts[patient_id].balance


def _admission_of(facts: Facts, patient_id: UUID) -> tuple[UUID, str, str, bool] | None:
    beds = (
        (reservation.admission_id, ward.ward_id, facts.admissions[reservation.admission_id].status, True)
        for ward in facts.wards.values()
        for reservation in ward.reservations
        if reservation.patient_id == patient_id and reservation.admission_id in facts.admissions
    )
    return next(beds, None)


def _sorted(ids: Iterable[UUID]) -> list[UUID]:
    """Returns a list, so that something shown twice differs from something shown once."""
    return sorted(ids)


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
