"""What people do in the hospital, as a client. Every acknowledged operation is written into a ledger.

Whatever is sent may be sent again when a service is away: a POST carries its own Idempotency-Key.
"""

import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Self
from uuid import UUID, uuid4

import httpx

from audit.client import Client, Refusal, Unanswered, noted
from audit.ledger import Delivered, Ledger, Prescribed
from audit.responses import MedicationResponse, PatientResponse
from demo.entities import Admission, LabResult, Medication, Patient, Prescription, Ward

LOOK_EVERY_S = 0.01
DEADLINE_S = 15.0
SOME_DAY = date(1980, 1, 1)


class NeverHappened(AssertionError):
    """Something that was waited for has not come about in time; the text holds the last answers seen."""


class Hospital:
    """A hospital behind its HTTP interfaces. Safe to use from several threads."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        ledger: Ledger | None = None,
        patience_s: float = 60.0,
        within_s: float = DEADLINE_S,
        mark: str | None = None,
    ) -> None:
        """Prepares the client.

        Args:
            env: `PATIENT_URL` and so on, as `infirmary.env` holds them.
            ledger: Where acknowledged operations are written; a new one by default.
            patience_s: How long a request is repeated while a service is away.
            within_s: How long is waited for what has to follow, where nothing else is said.
            mark: The correlation id of all requests outside of a deed; None for none.
        """
        self.ledger = ledger or Ledger()
        self.ask = Client(env, patience_s=patience_s, correlation_id=mark, on_shown=self.ledger.was_shown)
        self.within_s = within_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ask.close()

    def eventually(
        self,
        condition: Callable[[], object],
        *,
        because: str,
        within_s: float | None = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """Waits until a condition holds.

        Args:
            condition: Asked again and again.
            because: Why it should come to hold, for the failure's text.
            within_s: How long to wait; this client's own time by default.
            look_every_s: The pause between two looks.

        Raises:
            NeverHappened: It did not; the text says what the last answers were.
        """
        within_s = within_s or self.within_s
        give_up_at = time.monotonic() + within_s
        while True:
            with noted() as answers:
                if condition():
                    return
            if time.monotonic() > give_up_at:
                seen = "".join(f"\n  {question} -> {answer:.1000}" for question, answer in answers.items())
                raise NeverHappened(f"not within {within_s:.0f} s: {because}. The last answers were:{seen or ' none'}")
            time.sleep(look_every_s)

    # Things made up for the occasion.

    def patient(self, full_name: str | None = None, *, on_credit_hold: bool = False) -> Patient:
        """Registers somebody."""
        patient = self.register_patient(full_name or f"Patient {uuid4().hex[:8]}", SOME_DAY)
        if on_credit_hold:
            self.hold(patient)
        return patient

    def medication(self, *, boxes: int = 0, unit_price: str = "12.50") -> Medication:
        """Makes a new medication known and has boxes of it delivered."""
        medication = self.put_medication(f"med-{uuid4().hex[:8]}", "Medication", unit_price)
        if boxes:
            self.deliver(medication, boxes)
        return medication

    def ward(self, *, beds: int = 1) -> Ward:
        """Opens a new ward."""
        return self.put_ward(f"ward-{uuid4().hex[:8]}", "Ward", beds)

    # What people do.

    def register_patient(self, full_name: str, date_of_birth: date) -> Patient:
        """Registers a patient."""
        answer = self._post("patient", "/patients", {"full_name": full_name, "date_of_birth": str(date_of_birth)})
        patient_id = UUID(answer["patient_id"])
        self.ledger.names[patient_id] = full_name
        return Patient(patient_id, self.ask)

    def rename(self, patient: Patient, full_name: str) -> PatientResponse:
        """Changes a patient's name."""
        answer = self._put("patient", f"/patients/{patient.patient_id}/name", {"full_name": full_name})
        self.ledger.names[patient.patient_id] = full_name
        return PatientResponse.model_validate(answer)

    def discharge(self, patient: Patient) -> None:
        """Sends an admitted patient home."""
        self._post("patient", f"/patients/{patient.patient_id}/discharge", None)

    def erase(self, patient: Patient) -> str:
        """Has a person forgotten. Returns the path at which the erasure is told of."""
        answer = self.ask.call("patient", "DELETE", f"/patients/{patient.patient_id}")
        self.ledger.erased.add(patient.patient_id)
        return answer.headers["Location"]

    def put_medication(self, code: str, name: str, unit_price: str) -> Medication:
        """Makes a medication known, or changes its name and price."""
        self._put("inventory", f"/medications/{code}", {"name": name, "unit_price": unit_price})
        self.ledger.medications.add(code)
        return Medication(code, self.ask)

    def deliver(self, medication: Medication, quantity: int) -> MedicationResponse:
        """Has boxes delivered."""
        answer = self._post("inventory", f"/medications/{medication.code}/deliveries", {"quantity": quantity})
        self.ledger.stock.append(Delivered(medication.code, quantity))
        return MedicationResponse.model_validate(answer)

    def count(self, medication: Medication, on_hand: int) -> MedicationResponse:
        """Takes stock: so many boxes were found."""
        with self.ledger.counting(medication.code, on_hand):
            answer = self._post("inventory", f"/medications/{medication.code}/counts", {"on_hand": on_hand})
        return MedicationResponse.model_validate(answer)

    def prescribe(
        self, patient: Patient, medication: Medication, quantity: int = 1, *, known_within_s: float | None = None
    ) -> Prescription:
        """Writes a prescription, as soon as the service knows the patient."""
        body = {"patient_id": str(patient.patient_id), "medication_code": medication.code, "quantity": quantity}
        answer = self._once_known("prescription", "/prescriptions", body, known_within_s)
        prescription_id = UUID(answer["prescription_id"])
        self.ledger.prescriptions[prescription_id] = Prescribed(patient.patient_id, medication.code, quantity)
        return Prescription(prescription_id, self.ask)

    def cancel(self, prescription: Prescription) -> None:
        """Takes a prescription back."""
        self._post("prescription", f"/prescriptions/{prescription.prescription_id}/cancel", None)
        self.ledger.cancelled.add(prescription.prescription_id)

    def dispense(self, prescription: Prescription) -> None:
        """Begins to hand out an accepted prescription."""
        self.ledger.dispensing_asked(prescription.prescription_id)
        try:
            self._post("prescription", f"/prescriptions/{prescription.prescription_id}/dispense", None)
        except Refusal:
            self.ledger.dispensing_refused(prescription.prescription_id)
            raise

    def dispense_and_wait(self, prescription: Prescription) -> None:
        """Hands out a prescription, or finds out that it could not be."""
        self.dispense(prescription)
        self.eventually(prescription.is_decided, because="its dispensing comes to an end")
        self.ledger.dispensing_ended(prescription.prescription_id)

    def hold(self, patient: Patient, held: bool = True) -> None:
        """Holds a patient's account, or lets it go on."""
        self._put("billing", f"/accounts/{patient.patient_id}/hold", {"held": held})
        self.ledger.holds[patient.patient_id] = held

    def put_ward(self, ward_id: str, name: str, beds: int) -> Ward:
        """Opens a ward, or changes its number of beds."""
        self._put("ward", f"/wards/{ward_id}", {"name": name, "beds": beds})
        self.ledger.beds[ward_id] = beds
        return Ward(ward_id, self.ask)

    def admit(self, patient: Patient, ward: Ward) -> Admission:
        """Begins to admit a patient."""
        body = {"patient_id": str(patient.patient_id), "ward_id": ward.ward_id}
        admission_id = UUID(self._post("admission", "/admissions", body)["admission_id"])
        self.ledger.admissions[admission_id] = patient.patient_id
        return Admission(admission_id, self.ask)

    def lab_result(
        self, patient: Patient, test: str = "potassium", value: str = "4.1", unit: str = "mmol/l", *,
        critical: bool = False, known_within_s: float | None = None,
    ) -> LabResult:  # fmt: skip
        """Records a lab result, as soon as the service knows the patient."""
        found = {"test": test, "value": value, "unit": unit, "critical": critical}
        body = {"patient_id": str(patient.patient_id), **found}
        answer = self._once_known("lab", "/lab-results", body, known_within_s)
        lab_result_id = UUID(answer["lab_result_id"])
        self.ledger.lab_results[lab_result_id] = patient.patient_id
        return LabResult(lab_result_id, self.ask)

    def _once_known(self, service: str, path: str, body: Mapping[str, Any], within_s: float | None) -> dict[str, Any]:
        """Posts until the service has heard of the patient: it answers 422 before."""
        give_up_at = time.monotonic() + (within_s or self.within_s)
        while True:
            try:
                return self._post(service, path, body)
            except Refusal as refusal:
                unknown = refusal.status == httpx.codes.UNPROCESSABLE_ENTITY and "body.patient_id" in refusal.fields
                if not unknown or time.monotonic() > give_up_at:
                    raise
            time.sleep(LOOK_EVERY_S)

    def _post(self, service: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        return self._change(service, "POST", path, body, key=str(uuid4()))

    def _put(self, service: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._change(service, "PUT", path, body, key=None)

    def _change(
        self, service: str, method: str, path: str, body: Mapping[str, Any] | None, key: str | None
    ) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self.ask.call(service, method, path, body=body, key=key).json()
        except Unanswered as unanswered:
            self.ledger.unanswered.append(str(unanswered))
            raise
        return answer
