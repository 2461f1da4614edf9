"""A day in the hospital on which anything may be asked of anybody, in any order."""

from random import Random
from typing import Any

from infirmary.saga.definition import MAX_SILENT_ATTEMPTS
from tests.integration.services.postman import Hospital

SERVICES = ("patient", "prescription", "inventory", "billing", "ward", "lab", "admission")
CODES = ("m-1", "m-2", "m-3")
WARDS = ("W1", "W2")


class AnyDay:
    """Asks for things at random. What is refused, is refused.

    Attributes:
        hospital: Whom it asks.
        random: Decides what is asked.
    """

    def __init__(self, hospital: Hospital, random: Random) -> None:
        self.hospital, self.random = hospital, random
        self.patients: list[str] = []
        self.prescriptions: list[str] = []
        often = [self.prescribe, self.prescribe, self.dispense, self.dispense, self.hold, self.admit]
        now_and_then = [
            self.rename,
            self.examine,
            self.furnish,
            self.discharge,
            self.deliver,
            self.deliver,
            self.count,
            self.cancel,
        ]
        self.acts = [*often, *often, *now_and_then, self.register, self.name_medication, self.wait_in_vain]

    def begin(self) -> None:
        """Lets everything happen that can: each kind of event is told at least once."""
        for code in CODES[:2]:
            self.ask("inventory", "PUT", f"/medications/{code}", name=code, unit_price="2.50")
            self.ask("inventory", "POST", f"/medications/{code}/deliveries", quantity=30)
        self.ask("ward", "PUT", "/wards/W1", name="West", beds=9)
        self.wait_in_vain()
        for act in (self.rename, self.examine, self.count, self.discharge):
            act()
        for held, ends in ((False, "dispense"), (True, "dispense"), (False, "cancel")):
            written = self.write_prescription(CODES[0], 1)
            self.ask("billing", "PUT", f"/accounts/{self.patients[-1]}/hold", held=held)
            self.hospital.carry()
            self.ask("prescription", "POST", f"/prescriptions/{written}/{ends}")
            self.hospital.carry()
        self.write_prescription(CODES[2], 1)
        self.admit()
        self.hospital.carry()
        self.discharge()
        self.ask("patient", "DELETE", f"/patients/{self.patients.pop(0)}")
        self.register()

    def go_on(self) -> None:
        """Lets one more thing be asked, and perhaps the messages be carried; perhaps some kinds come late."""
        self.random.choice(self.acts)()
        if self.random.random() < 0.5:
            late = ("StockReserved", "PrescriptionCreated", "PatientAdmitted", "Reply", "ChargeDispensing")
            self.hospital.late = {self.random.choice(late)} if self.random.random() < 0.3 else set()
            self.hospital.carry()

    def end(self) -> None:
        """Lets all messages come."""
        self.hospital.late = set()
        self.hospital.carry()

    def ask(self, service: str, method: str, path: str, **body: object) -> Any:
        """Returns an answer, or None where it is a refusal."""
        answer = self.hospital.services[service].client.open(path, method=method, json=body or None)
        assert answer.status_code < 500, answer.text
        return answer.get_json() if answer.status_code < 300 else None

    def register(self) -> None:
        known = self.ask("patient", "POST", "/patients", full_name="Ada", date_of_birth="1990-12-10")
        self.patients.append(known["patient_id"])

    def rename(self) -> None:
        self.ask("patient", "PUT", f"/patients/{self._patient()}/name", full_name=f"Ada {self.random.randint(1, 3)}")

    def discharge(self) -> None:
        for each in self.patients:
            self.ask("patient", "POST", f"/patients/{each}/discharge")

    def admit(self) -> None:
        self.ask("admission", "POST", "/admissions", patient_id=self._patient(), ward_id=self.random.choice(WARDS))

    def wait_in_vain(self) -> None:
        """Admits somebody whose bill is written, which nobody gets to know in time: all of it is undone."""
        self.register()
        self.hospital.late = {"CreateAdmissionBilling"}
        self.ask("admission", "POST", "/admissions", patient_id=self.patients[-1], ward_id="W1")
        self.hospital.carry()
        for attempt in range(MAX_SILENT_ATTEMPTS + 3):
            self.hospital.late = {"Reply"} if attempt < MAX_SILENT_ATTEMPTS else set()
            self.hospital.silence()

    def furnish(self) -> None:
        ward = self.random.choice(WARDS)
        self.ask("ward", "PUT", f"/wards/{ward}", name=f"Ward {ward}", beds=self.random.randint(0, 9))

    def hold(self) -> None:
        self.ask("billing", "PUT", f"/accounts/{self._patient()}/hold", held=self.random.random() < 0.3)

    def examine(self) -> None:
        finding = {"test": "k", "value": "6.8", "unit": "", "critical": self.random.random() < 0.5}
        self.ask("lab", "POST", "/lab-results", patient_id=self._patient(), **finding)

    def name_medication(self) -> None:
        body = {"name": "Paracetamol", "unit_price": f"{self.random.randint(0, 5)}.50"}
        self.ask("inventory", "PUT", f"/medications/{self.random.choice(CODES)}", **body)

    def deliver(self) -> None:
        quantity = self.random.randint(1, 20)
        self.ask("inventory", "POST", f"/medications/{self.random.choice(CODES)}/deliveries", quantity=quantity)

    def count(self) -> None:
        on_hand = self.random.randint(0, 20)
        self.ask("inventory", "POST", f"/medications/{self.random.choice(CODES)}/counts", on_hand=on_hand)

    def prescribe(self) -> None:
        self.write_prescription(self.random.choice(CODES), self.random.randint(1, 8))

    def write_prescription(self, code: str, quantity: int) -> str | None:
        """Returns its id; None while prescription has not heard of the patient."""
        wanted = {"patient_id": self._patient(), "medication_code": code, "quantity": quantity}
        written = self.ask("prescription", "POST", "/prescriptions", **wanted)
        if written is None:
            return None
        self.prescriptions.append(written["prescription_id"])
        return str(written["prescription_id"])

    def cancel(self) -> None:
        self._of_a_prescription("cancel")

    def dispense(self) -> None:
        self._of_a_prescription("dispense")

    def _of_a_prescription(self, what: str) -> None:
        for each in self.random.sample(self.prescriptions, min(3, len(self.prescriptions))):
            self.ask("prescription", "POST", f"/prescriptions/{each}/{what}")

    def _patient(self) -> str:
        return self.random.choice(self.patients)
