"""A patient's stay in the hospital, told by its services."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from infirmary.identifiers import new_id

SUBJECT_FIELD = {
    "patient": "patient_id", "prescription": "prescription_id", "inventory": "prescription_id", "billing": "entry_id",
    "ward": "ward_id", "lab": "lab_result_id", "notification": "notification_id", "admission": "admission_id",
}  # fmt: skip

# The ways that a prescription can go: what is told, by whom, and the status, reason and boxes that it leads to.
RESERVED = [
    ("inventory", "StockReserved"),
    ("prescription", "PrescriptionAccepted", None),
    ("billing", "Priced", "2.50"),
]
REJECTED = [
    ("inventory", "StockRejected"),
    ("billing", "Voided", "0"),
    ("prescription", "PrescriptionRejected", "short"),
]
DISPENSED = [
    ("inventory", "StockDispensed"),
    ("billing", "Posted", "0"),
    ("prescription", "PrescriptionDispensed", None),
]
NOT_DISPENSED = [
    ("inventory", "StockDispensed"),
    ("inventory", "StockReturned"),
    ("prescription", "PrescriptionAccepted", "held"),
]
CANCELLED = [
    ("prescription", "PrescriptionCancelled", None),
    ("inventory", "StockReleased"),
    ("billing", "Voided", "-2.50"),
]
WAYS: list[tuple[list[Any], tuple[str, str | None, str | None]]] = [
    ([], ("pending", None, None)),
    (REJECTED, ("rejected", "short", "rejected")),
    (RESERVED, ("accepted", None, "reserved")),
    (RESERVED + DISPENSED, ("dispensed", None, "dispensed")),
    (RESERVED + NOT_DISPENSED, ("accepted", "held", "reserved")),
    (RESERVED + CANCELLED, ("cancelled", None, "released")),
    (RESERVED + NOT_DISPENSED + CANCELLED, ("cancelled", "held", "released")),
]


@dataclass(frozen=True)
class Told:
    """An event in a log."""

    source: str
    properties: dict[str, Any]
    body: bytes


@dataclass
class Stay:
    """A patient's stay in the hospital: what was told, by subject and in its order, and what the owners hold."""

    patient: dict[str, Any]
    admission: dict[str, Any] | None = None
    prescriptions: list[dict[str, Any]] = field(default_factory=list)
    lab_results: list[dict[str, Any]] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    balance: Decimal = Decimal("0.00")
    account_version: int = 0
    told: dict[tuple[str, str], list[Told]] = field(default_factory=dict)

    @classmethod
    def begin(cls) -> "Stay":
        stay = cls({"patient_id": str(new_id()), "full_name": "Name 1", "version": 1, "date_of_birth": "1980-02-29"})
        stay.tell("patient", "PatientRegistered", **stay.patient)
        return stay

    def logs(self) -> list[Told]:
        """Returns all events, in the order of each subject."""
        return [event for events in self.told.values() for event in events]

    def tell(self, source: str, kind: str, /, **fields: Any) -> None:
        fields = {"patient_id": self.patient["patient_id"], "nobody_reads_this": 1, **fields}
        subject = fields[SUBJECT_FIELD[source]]
        earlier = self.told.setdefault((source, subject), [])
        headers = {"subject": subject, "sequence": len(earlier) + 1}
        properties = {"message_id": str(new_id()), "app_id": source, "type": kind, "application_headers": headers}
        earlier.append(Told(source, properties, json.dumps(fields).encode()))

    def bill(self, kind: str, entry_id: str, amount: str) -> None:
        self.balance += Decimal(amount)
        self.account_version += 1
        self.tell("billing", kind, entry_id=entry_id, balance=str(self.balance), account_version=self.account_version)

    def rename(self) -> None:
        self.patient["version"] += 1
        self.patient["full_name"] = f"Name {self.patient['version']}"
        self.tell("patient", "PatientNameChanged", **self.patient)

    def examine(self) -> None:
        result = {"lab_result_id": str(new_id()), "test": "k", "value": "6.8", "unit": "", "critical": True}
        note = {"kind": "critical_lab_result", "text": "Call!", "reference_id": result["lab_result_id"]}
        note["notification_id"] = str(new_id())
        self.lab_results.append(result)
        self.notifications.append(note)
        self.tell("lab", "LabResultRecorded", **result)
        self.tell("notification", "NotificationSent", **note)

    def prescribe(self, way: int) -> None:
        steps, (status, reason, stock) = WAYS[way]
        what = {"prescription_id": str(new_id()), "medication_code": "m", "quantity": 2}
        entry_id = str(new_id())
        self.tell("prescription", "PrescriptionCreated", **what)
        self.bill("BillingEntryCreated", entry_id, "0")
        for source, kind, *detail in steps:
            if source == "billing":
                self.bill(f"BillingEntry{kind}", entry_id, detail[0])
            else:
                self.tell(source, kind, **what, reason=detail[0] if detail else None)
        self.prescriptions.append({**what, "status": status, "reason": reason, "stock": stock})

    def admit(self, ending: str) -> None:
        ids = {"admission_id": str(new_id()), "ward_id": f"ward-{self.patient['patient_id']}"}
        self.tell("ward", "BedReserved", **ids)
        if self.admission is None:
            self.tell("patient", "PatientAdmitted", **ids)
            if ending != "held":
                self.bill("AdmissionBilled", str(new_id()), "100.00")
                self.tell("admission", "AdmissionCompleted", **ids)
                self.admission = {**ids, "status": "completed", "bed_reserved": True}
                if ending == "discharged":
                    self.tell("patient", "PatientDischarged", **ids)
                    self.tell("ward", "BedReleased", **ids)
                    self.admission = None
                return
            self.tell("patient", "PatientAdmissionUndone", **ids)
        self.tell("ward", "BedReleased", **ids)
        self.tell("admission", "AdmissionFailed", **ids)

    def chart(self) -> dict[str, Any]:
        """Returns what the chart has to say, by what the owners hold."""
        lists = {"prescriptions": self.prescriptions, "lab_results": self.lab_results}
        lists["notifications"] = self.notifications
        return {
            "patient": {**self.patient, "admitted": self.admission is not None},
            "admission": self.admission,
            **{name: items[-100:] for name, items in lists.items()},
            **{f"{name}_total": len(items) for name, items in lists.items()},
            "balance": f"{self.balance:.2f}",
        }


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    stay = Stay.begin()
    for what in draw(st.lists(st.sampled_from(["rename", "examine", "prescribe", "admit"]), max_size=6)):
        if what == "prescribe":
            stay.prescribe(draw(st.integers(0, len(WAYS) - 1)))
        elif what == "admit":
            stay.admit(draw(st.sampled_from(["held", "discharged", "stays"])))
        else:
            getattr(stay, what)()
    return stay
