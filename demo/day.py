"""The script of the day: what people do, what must follow, and what must hold afterwards."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

from audit.responses import NotificationResponse
from demo.client import Hospital
from demo.entities import Medication, Patient, Prescription
from demo.narrator import Narrator


class Day:
    """The cast, as far as it has come in."""

    def __init__(self, hospital: Hospital, narrator: Narrator) -> None:
        self.hospital, self.narrator = hospital, narrator
        self.run = uuid4().hex[
            :6
        ]  # ward ids and medication codes are the client's: a second day must not meet the first
        self.ada: Patient
        self.grace: Patient
        self.penicillin: Medication
        self.morphine: Medication

    def play(self) -> None:
        """Plays the day; raises an AssertionError where the hospital does not follow the script."""
        self.narrator.section("Morning: patients and deliveries")
        self.people_come_in()
        self.boxes_come_in()
        self.narrator.section("Prescriptions: services that react to each other's events")
        accepted = self.a_prescription_is_accepted()
        self.a_prescription_is_rejected()
        self.a_prescription_is_dispensed(accepted)
        self.a_stocktake_gets_in_the_way()
        self.narrator.section("A name and a lab result: copies that keep up with their owner")
        self.a_patient_is_renamed(accepted)
        self.a_lab_result_is_critical()
        self.narrator.section("Admissions: a saga of four services, undone in reverse when one refuses")
        self.an_admission_completes()
        self.an_admission_is_refused_by_billing()
        self.a_ward_is_full()

    def people_come_in(self) -> None:
        """Two patients are registered, and known everywhere a moment later."""
        with self.narrator.deed("Ada King and Grace Hopper are registered", "PatientRegistered", "PatientRegistered"):
            self.ada = self.hospital.register_patient("Ada King", date(1815, 12, 10))
            self.grace = self.hospital.register_patient("Grace Hopper", date(1906, 12, 9))
            for patient in (self.ada, self.grace):
                self.hospital.eventually(patient.has_chart, because="a registration reaches the chart")

    def boxes_come_in(self) -> None:
        """Medications are made known and delivered; nobody else needs to hear of that."""
        with self.narrator.deed("10 boxes of penicillin and 2 of morphine are delivered"):
            self.penicillin = self.hospital.put_medication(f"penicillin-{self.run}", "Penicillin", "12.50")
            self.morphine = self.hospital.put_medication(f"morphine-{self.run}", "Morphine", "80.00")
            self.hospital.deliver(self.penicillin, 10)
            self.hospital.deliver(self.morphine, 2)

    def a_prescription_is_accepted(self) -> Prescription:
        """Inventory reserves the boxes, billing prices the entry.

        That it was priced is no message of its own where billing hears of the stock first: the entry is created with
        its price then.
        """
        follows = ("PrescriptionCreated", "StockReserved", "PrescriptionAccepted", "BillingEntryCreated")
        with self.narrator.deed("Ada is prescribed 2 boxes of penicillin", *follows):
            prescription = self.hospital.prescribe(self.ada, self.penicillin, 2)
            self.hospital.eventually(prescription.is_accepted, because="there are 10 boxes")
            self.hospital.eventually(lambda: self.ada.account.balance, because="the boxes have a price")
        self.narrator.check(self.penicillin.now.available == 8, "8 boxes are left for others")
        self.narrator.check(self.ada.account.balance == Decimal("25.00"), "Ada's account says 25.00")
        return prescription

    def a_prescription_is_rejected(self) -> None:
        """Out of stock: the entry is voided and the patient is told, once."""
        follows = (
            "PrescriptionCreated", "StockRejected", "PrescriptionRejected", "BillingEntryVoided", "NotificationSent",
        )  # fmt: skip
        with self.narrator.deed("Grace is prescribed 3 boxes of morphine, and there are 2", *follows):
            prescription = self.hospital.prescribe(self.grace, self.morphine, 3)
            self.hospital.eventually(prescription.is_rejected, because="there are only 2 boxes")
        account = self.grace.account
        self.narrator.check([entry.status for entry in account.entries] == ["voided"], "her billing entry is voided")
        told = self._notified(self.grace, "prescription_rejected")
        self.narrator.check([each.reference_id for each in told] == [prescription.prescription_id], "she is told once")

    def a_prescription_is_dispensed(self, prescription: Prescription) -> None:
        """An orchestrated saga: boxes off the shelf, the entry posted."""
        follows = ("StockDispensed", "BillingEntryPosted", "PrescriptionDispensed")
        with self.narrator.deed("Ada's penicillin is handed out", *follows):
            self.hospital.dispense_and_wait(prescription)
        stock = self.penicillin.now
        self.narrator.check(prescription.is_dispensed(), "it is dispensed")
        self.narrator.check(
            (stock.on_hand, stock.reserved) == (8, 0), "8 boxes are on the shelf, none of them reserved"
        )
        self.narrator.check([entry.status for entry in self.ada.account.entries] == ["posted"], "one entry, now posted")

    def a_stocktake_gets_in_the_way(self) -> None:
        """Somebody counts fewer boxes than are reserved: the dispensing fails cleanly."""
        with self.narrator.deed(
            "Grace is prescribed 2 boxes of morphine", "PrescriptionAccepted", "BillingEntryCreated"
        ):
            prescription = self.hospital.prescribe(self.grace, self.morphine, 2)
            self.hospital.eventually(prescription.is_accepted, because="there are 2 boxes")
            self.hospital.eventually(lambda: self.grace.account.balance, because="the boxes have a price")
        with self.narrator.deed(
            "A stocktake finds only 1; then the morphine is to be handed out", "PrescriptionAccepted"
        ):
            self.hospital.count(self.morphine, 1)
            self.hospital.dispense_and_wait(prescription)
        now = prescription.now
        self.narrator.check(now.status == "accepted" and now.reason is not None, f"it is accepted again: {now.reason}")
        stock = self.morphine.now
        self.narrator.check(
            (stock.on_hand, stock.available) == (1, -1), "1 box on the shelf, 2 reserved: available is -1"
        )

    def a_patient_is_renamed(self, prescription: Prescription) -> None:
        """The new name reaches every snapshot and the chart."""
        result = self.hospital.lab_result(self.ada, value="4.1")
        with self.narrator.deed("Ada King marries and is called Ada Lovelace", "PatientNameChanged"):
            self.hospital.rename(self.ada, "Ada Lovelace")
            self.hospital.eventually(
                lambda: (
                    {prescription.now.patient_name, result.now.patient_name, self._charted_name(self.ada)}
                    == {"Ada Lovelace"}
                ),
                because="the name reaches prescription, lab and chart",
            )
        self.narrator.check(prescription.now.patient_name == "Ada Lovelace", "prescription, lab and chart call her so")

    def a_lab_result_is_critical(self) -> None:
        """A critical lab result notifies, and reaches the chart."""
        with self.narrator.deed("Grace's potassium is 6.9 mmol/l", "LabResultRecorded", "NotificationSent"):
            result = self.hospital.lab_result(self.grace, value="6.9", critical=True)
            self.hospital.eventually(
                lambda: self._notified(self.grace, "critical_lab_result"), because="the result is critical"
            )
        told = self._notified(self.grace, "critical_lab_result")
        self.narrator.check([each.reference_id for each in told] == [result.lab_result_id], "she is told once")

    def an_admission_completes(self) -> None:
        """Bed, patient, bill, confirmation."""
        ward = self.hospital.put_ward(f"maternity-{self.run}", "Maternity", beds=1)
        follows = ("BedReserved", "PatientAdmitted", "AdmissionBilled", "NotificationSent", "AdmissionCompleted")
        with self.narrator.deed("Ada is admitted to a ward with one bed", *follows):
            admission = self.hospital.admit(self.ada, ward)
            self.hospital.eventually(admission.has_completed, because="there is a bed")
        self.narrator.show_steps(admission.now)
        self.narrator.check(self.ada.is_admitted and ward.free_beds == 0, "she is admitted, the bed is taken")
        self.narrator.check(len(self._notified(self.ada, "admission_confirmed")) == 1, "she is told once")

    def an_admission_is_refused_by_billing(self) -> None:
        """A credit hold: what was done is undone, the last first."""
        ward = self.hospital.put_ward(f"surgery-{self.run}", "Surgery", beds=1)
        self.hospital.hold(self.grace)
        follows = ("BedReserved", "PatientAdmitted", "PatientAdmissionUndone", "BedReleased", "AdmissionFailed")
        with self.narrator.deed("Grace, whose account is held, is to be admitted", *follows):
            admission = self.hospital.admit(self.grace, ward)
            self.hospital.eventually(admission.has_failed, because="her account is held")
        ended = admission.now
        self.narrator.show_steps(ended)
        undone_at = [step.at for step in ended.steps if step.state == "compensated" and step.at]
        self.narrator.check(
            len(undone_at) == 2 and undone_at == sorted(undone_at, reverse=True),
            f"it has failed ({ended.reason}); the admission was undone, then the bed",
        )
        self.narrator.check(not self.grace.is_admitted and ward.free_beds == 1, "she is not admitted, the bed is free")
        self.hospital.hold(self.grace, held=False)

    def a_ward_is_full(self) -> None:
        """No bed: it fails at once, and nothing needs to be undone."""
        ward = self.hospital.put_ward(f"maternity-{self.run}", "Maternity", beds=1)
        with self.narrator.deed(
            "Grace is to be admitted to the maternity ward, where Ada has the only bed", "AdmissionFailed"
        ):
            admission = self.hospital.admit(self.grace, ward)
            self.hospital.eventually(admission.has_failed, because="there is no bed")
        self.narrator.check(admission.now.steps[0].state == "refused", f"it has failed: {admission.now.reason}")

    def _notified(self, patient: Patient, kind: str) -> list[NotificationResponse]:
        return [each for each in patient.notifications if each.kind == kind]

    def _charted_name(self, patient: Patient) -> str | None:
        chart = patient.chart
        return chart.patient.full_name if chart else None
