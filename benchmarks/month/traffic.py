"""What people do in the hospital on one day: admissions that succeed and fail, prescriptions, lab results."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from demo.client import Hospital
from demo.entities import Patient, Ward

AT_ONCE: Final = 4


class Traffic:
    """The same people come every day, so that what is a person's own grows by what happens to them alone."""

    def __init__(self, hospital: Hospital) -> None:
        """Registers them, and opens a ward."""
        self._hospital = hospital
        self._ward = hospital.ward(beds=5 * AT_ONCE)
        self._patients = [hospital.patient() for _ in range(AT_ONCE)]
        self._held = [hospital.patient(on_credit_hold=True) for _ in range(AT_ONCE)]
        self._medication = hospital.medication(boxes=1_000_000)

    def day(self, sagas: int) -> None:
        """Does what is done on one day, with so many sagas of each kind."""
        share = max(sagas // AT_ONCE, 1)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for each in [pool.submit(self._of_one, place, share) for place in range(AT_ONCE)]:
                each.result()

    def _of_one(self, place: int, sagas: int) -> None:
        patient, held = self._patients[place], self._held[place]
        for number in range(sagas):
            self._stay(patient, self._ward)
            self._medicine(patient)
            if number % 4 == 0:
                self._stay(held, self._ward)
                self._hospital.lab_result(patient, critical=True)

    def _stay(self, patient: Patient, ward: Ward) -> None:
        admission = self._hospital.admit(patient, ward)
        self._hospital.eventually(admission.has_ended, because="an admission comes to its end")
        if patient.is_admitted:
            self._hospital.discharge(patient)

    def _medicine(self, patient: Patient) -> None:
        prescription = self._hospital.prescribe(patient, self._medication)
        self._hospital.eventually(prescription.is_accepted, because="there are boxes")
        self._hospital.dispense_and_wait(prescription)
