"""A small hospital in which everything is as it should be, as facts made by hand."""

from collections import Counter
from decimal import Decimal
from uuid import UUID, uuid4, uuid5

from audit.facts import DatabaseState, Facts, LogMessage, Record, SagaFact
from audit.hospital import READS
from audit.ledger import Delivered, DispensingAsked, Ledger, Prescribed
from audit.responses import (
    AccountResponse,
    AdmissionResponse,
    ChartAdmission,
    ChartLabResult,
    ChartNotification,
    ChartPatient,
    ChartPrescription,
    ChartResponse,
    EntryResponse,
    LabResultResponse,
    MedicationResponse,
    NotificationResponse,
    PatientResponse,
    PrescriptionResponse,
    ReservationResponse,
    WardResponse,
)

HERE = UUID(int=7)
ADA, ACCEPTED, DISPENSED, REJECTED, CANCELLED, ADMISSION, FAILED, CRITICAL, HARMLESS = (
    uuid5(HERE, name) for name in ("ada", "accepted", "dispensed", "rejected", "cancelled", "in", "no", "bad", "fine")
)
SEEN = "5e3d3c30-2b0c-7c4e-8d3f-6a1f2b9c0d11"
STATUSES = {ACCEPTED: "accepted", DISPENSED: "dispensed", REJECTED: "rejected", CANCELLED: "cancelled"}


def ledger_in_order() -> Ledger:
    """Returns what a client was told there."""
    return Ledger(
        names={ADA: "Ada Lovelace"},
        medications={"penicillin"},
        stock=[Delivered("penicillin", 10), DispensingAsked(DISPENSED)],
        prescriptions={each: Prescribed(ADA, "penicillin", 2) for each in STATUSES},
        cancelled={CANCELLED},
        beds={"maternity": 1},
        holds={ADA: False},
        lab_results={CRITICAL: ADA, HARMLESS: ADA},
        admissions={ADMISSION: ADA, FAILED: ADA},
        shown=Counter({("lab", SEEN): 2}),
    )


def facts_in_order() -> Facts:
    """Returns what is found there."""
    notifications = _notifications()
    return Facts(
        databases=_databases(),
        logs={
            "patient": _log("patient", str(ADA), "PatientRegistered", "PatientNameChanged"),
            "admission.to.patient": _log("admission", str(ADMISSION), "AdmitPatient"),
            "patient.to.admission": _log("patient", str(ADMISSION), "Reply"),
        },
        record=Record(
            {("patient", ADA): 1, ("prescription", ADA): 5, ("lab", ADA): 2, ("admission", ADA): 2}, {("lab", SEEN): 2}
        ),
        patients={ADA: PatientResponse(patient_id=ADA, full_name="Ada Lovelace", version=2, admitted=True)},
        medications={
            "penicillin": MedicationResponse(
                code="penicillin", name="Penicillin", unit_price=Decimal("12.50"), on_hand=8, reserved=2, available=6
            )
        },
        prescriptions={each: _prescription(each, status) for each, status in STATUSES.items()},
        accounts={ADA: _account()},
        wards={
            "maternity": WardResponse(
                ward_id="maternity", beds=1, reserved=1, free=0,
                reservations=(ReservationResponse(admission_id=ADMISSION, patient_id=ADA),),
            )
        },
        lab_results={each: _lab_result(each) for each in (CRITICAL, HARMLESS)},
        notifications=notifications,
        admissions={
            ADMISSION: _admission(ADMISSION, "completed", None),
            FAILED: _admission(FAILED, "failed", "no free bed"),
        },
        charts={ADA: _chart(notifications)},
    )  # fmt: skip


def _databases() -> dict[str, DatabaseState]:
    done = dict.fromkeys(("bed", "admission", "billing", "confirmation"), "done")
    refused = {"bed": "refused", "admission": "waiting", "billing": "waiting", "confirmation": "waiting"}
    return {
        "patient": DatabaseState(
            given={"patient": {str(ADA): 2}, "patient.to.admission": {str(ADMISSION): 1}},
            readers=dict.fromkeys(READS["patient"]) | {"admission.to.patient": 0},
            applied={("admission.to.patient", str(ADMISSION)): 1},
        ),
        "lab": DatabaseState(readers={"patient.events": 1, "patient.to.lab": None}, applied={("patient", str(ADA)): 2}),
        "admission": DatabaseState(
            given={"admission.to.patient": {str(ADMISSION): 1}},
            readers=dict.fromkeys(READS["admission"]) | {"patient.to.admission": 0},
            applied={("patient.to.admission", str(ADMISSION)): 1},
            sagas=(
                SagaFact(ADMISSION, "admission", "completed", None, done),
                SagaFact(FAILED, "admission", "failed", "no free bed", refused),
            ),
        ),
    }


def _log(writer: str, subject: str, *types: str) -> tuple[LogMessage, ...]:
    return tuple(
        LogMessage(offset, uuid4(), writer, kind, subject, offset + 1, body={"patient_id": str(ADA)})
        for offset, kind in enumerate(types)
    )


def _prescription(prescription_id: UUID, status: str) -> PrescriptionResponse:
    return PrescriptionResponse.model_validate(
        {
            "prescription_id": prescription_id,
            "patient_id": ADA,
            "patient_name": "Ada Lovelace",
            "medication_code": "penicillin",
            "quantity": 2,
            "status": status,
        }
    )


def _account() -> AccountResponse:
    entries = [
        ("prescription", ACCEPTED, "25.00", "open"),
        ("prescription", DISPENSED, "25.00", "posted"),
        ("prescription", REJECTED, None, "voided"),
        ("prescription", CANCELLED, "25.00", "voided"),
        ("admission", ADMISSION, "100.00", "posted"),
    ]
    found = [
        EntryResponse.model_validate(
            {"entry_id": uuid4(), "kind": kind, "reference_id": reference_id, "amount": amount, "status": status}
        )
        for kind, reference_id, amount, status in entries
    ]
    return AccountResponse(patient_id=ADA, held=False, balance=Decimal("150.00"), entries=tuple(found))


def _lab_result(lab_result_id: UUID) -> LabResultResponse:
    return LabResultResponse(
        lab_result_id=lab_result_id, patient_id=ADA, patient_name="Ada Lovelace", critical=lab_result_id == CRITICAL
    )


def _notifications() -> tuple[NotificationResponse, ...]:
    kinds = {"admission_confirmed": ADMISSION, "prescription_rejected": REJECTED, "critical_lab_result": CRITICAL}
    return tuple(
        NotificationResponse.model_validate(
            {"notification_id": uuid4(), "patient_id": ADA, "kind": kind, "reference_id": reference_id, "text": "..."}
        )
        for kind, reference_id in kinds.items()
    )


def _admission(admission_id: UUID, status: str, reason: str | None) -> AdmissionResponse:
    return AdmissionResponse.model_validate(
        {
            "admission_id": admission_id,
            "patient_id": ADA,
            "ward_id": "maternity",
            "status": status,
            "reason": reason,
            "steps": (),
        }
    )


def _chart(notifications: tuple[NotificationResponse, ...]) -> ChartResponse:
    return ChartResponse(
        patient=ChartPatient(patient_id=ADA, full_name="Ada Lovelace", version=2, admitted=True),
        admission=ChartAdmission(admission_id=ADMISSION, ward_id="maternity", status="completed", bed_reserved=True),
        prescriptions=tuple(
            ChartPrescription(prescription_id=each, status=status) for each, status in STATUSES.items()
        ),
        lab_results=(ChartLabResult(lab_result_id=CRITICAL), ChartLabResult(lab_result_id=HARMLESS)),
        balance=Decimal("150.00"),
        notifications=tuple(ChartNotification(notification_id=each.notification_id) for each in notifications),
    )
