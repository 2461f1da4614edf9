"""Each bed is taken at most once, and exactly by those who were admitted and have not gone home."""

from collections.abc import Iterator
from uuid import UUID

from audit.facts import Facts
from audit.ledger import Ledger
from audit.responses import WardResponse
from audit.violation import Violation

BEDS = "beds are taken exactly by the admissions in force"


def beds_belong_to_admissions(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Wards, admissions and patients agree on who lies where."""
    discharged = facts.discharged()
    in_force = {
        admission.admission_id: admission
        for admission in facts.admissions.values()
        if admission.status == "completed" and admission.admission_id not in discharged
    }
    doubtful = {each.admission_id for each in facts.admissions.values() if each.status == "parked"}
    taken: dict[UUID, str] = {}
    for ward in facts.wards.values():
        yield from _ward_adds_up(ward)
        for reservation in ward.reservations:
            where = f"ward {ward.ward_id}, admission {reservation.admission_id}"
            admission = in_force.get(reservation.admission_id)
            if reservation.admission_id in taken:
                yield Violation(BEDS, where, f"has another bed in ward {taken[reservation.admission_id]}")
            elif admission is None and reservation.admission_id not in doubtful:
                yield Violation(BEDS, where, "holds a bed and is not in force")
            elif admission and (admission.ward_id, admission.patient_id) != (ward.ward_id, reservation.patient_id):
                yield Violation(BEDS, where, f"is for patient {admission.patient_id} in ward {admission.ward_id}")
            taken[reservation.admission_id] = ward.ward_id
    for admission_id in in_force.keys() - taken.keys():
        yield Violation(BEDS, f"admission {admission_id}", "is in force and holds no bed")
    yield from _patients_agree(facts, {admission.patient_id for admission in in_force.values()}, doubtful)


def _ward_adds_up(ward: WardResponse) -> Iterator[Violation]:
    if ward.reserved != len(ward.reservations) or ward.free != ward.beds - ward.reserved:
        yield Violation(
            BEDS, f"ward {ward.ward_id}",
            f"{ward.beds} beds, {ward.reserved} reserved, {ward.free} free, {len(ward.reservations)} reservations",
        )  # fmt: skip
    if ward.reserved > ward.beds:
        yield Violation(BEDS, f"ward {ward.ward_id}", f"{ward.reserved} reserved of {ward.beds} beds")


def _patients_agree(facts: Facts, in_bed: set[UUID], doubtful: set[UUID]) -> Iterator[Violation]:
    undecided = {facts.admissions[admission_id].patient_id for admission_id in doubtful}
    for patient in facts.patients.values():
        if patient.patient_id not in undecided and patient.admitted != (patient.patient_id in in_bed):
            admitted = "is admitted" if patient.admitted else "is not admitted"
            other = "an admission" if patient.patient_id in in_bed else "no admission"
            yield Violation(BEDS, f"patient {patient.patient_id}", f"{admitted}, but there is {other} in force")
