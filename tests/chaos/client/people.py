"""People at work: several at once, each with patients of their own, over HTTP. What they do follows from the seed."""

import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Self

from audit.client import Refusal, Unanswered
from demo.client import Hospital
from demo.entities import Medication, Patient, Prescription, Ward

PEOPLE = 4
PAUSE_S = (0.05, 0.25)
OWN_PATIENTS = 5
PATIENCE_S = 120.0
SHARED_BOXES, SHARED_BEDS = 150, 12

Deed = Callable[[], object]


class _Person(threading.Thread):
    """Somebody who does one thing after another.

    What only one person may change (a name, a credit hold, a stocktake) everybody does to patients and medications
    of their own, because the order of two people's requests is nobody's to know. Boxes and beds are shared.
    """

    def __init__(self, number: int, seed: int, hospital: Hospital, shared: tuple[Medication, Ward]) -> None:
        super().__init__(name=f"person-{number}", daemon=True)
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self.stopping = threading.Event()
        self._chance = Random(f"{seed}/{number}")
        self._hospital, (self._medication, self._ward) = hospital, shared
        self._patients: list[Patient] = []
        self._prescriptions: list[Prescription] = []
        self._in_bed: list[Patient] = []
        self._own: Medication | None = None

    def run(self) -> None:
        deeds: dict[str, tuple[int, Deed]] = {
            "register": (2, self._register),
            "prescribe": (8, self._prescribe),
            "dispense": (4, self._dispense),
            "cancel": (2, self._cancel),
            "admit": (3, self._admit),
            "discharge": (3, self._discharge),
            "rename": (2, self._rename),
            "record a lab result": (2, self._record),
            "deliver": (1, lambda: self._hospital.deliver(self._medication, self._chance.randint(5, 20))),
            "take stock": (1, self._count),
            "hold an account": (1, lambda: self._hospital.hold(self._patient(), self._chance.random() < 0.3)),
        }
        names, weights = list(deeds), [weight for weight, _ in deeds.values()]
        while not self.stopping.wait(self._chance.uniform(*PAUSE_S)):
            name = self._chance.choices(names, weights)[0]
            try:
                deeds[name][1]()
            except Refusal as refusal:
                self.done[f"refused: {name}"] += 1
                if refusal.status >= 500:
                    self.failures.append(str(refusal))
            except Unanswered as unanswered:
                self.failures.append(str(unanswered))
            except Exception as surprise:
                self.failures.append(f"{self.name} stops after a surprise: {surprise!r}")
                raise
            else:
                self.done[name] += 1

    def _register(self) -> None:
        self._patients.append(self._hospital.patient())
        self._patients = self._patients[-OWN_PATIENTS:]

    def _patient(self) -> Patient:
        if not self._patients:
            self._register()
        return self._chance.choice(self._patients)

    def _prescribe(self) -> None:
        medication = self._medication if self._own is None or self._chance.random() < 0.8 else self._own
        quantity = self._chance.randint(1, 3)
        self._prescriptions.append(
            self._hospital.prescribe(self._patient(), medication, quantity, known_within_s=PATIENCE_S)
        )

    def _dispense(self) -> None:
        if self._prescriptions:
            self._hospital.dispense(self._prescriptions.pop(0))

    def _cancel(self) -> None:
        if self._prescriptions:
            self._hospital.cancel(self._prescriptions.pop())

    def _admit(self) -> None:
        patient = self._patient()
        self._hospital.admit(patient, self._ward)
        self._in_bed.append(patient)

    def _discharge(self) -> None:
        """Sends home whoever was admitted first, so that most of the time somebody is indeed in bed."""
        self._hospital.discharge(self._in_bed.pop(0) if self._in_bed else self._patient())

    def _rename(self) -> None:
        self._hospital.rename(self._patient(), f"Patient {self._chance.getrandbits(32):08x}")

    def _record(self) -> None:
        self._hospital.lab_result(self._patient(), critical=self._chance.random() < 0.3, known_within_s=PATIENCE_S)

    def _count(self) -> None:
        if self._own is None:
            self._own = self._hospital.medication(boxes=20)
        self._hospital.count(self._own, self._chance.randint(0, 30))


class People:
    """Everybody who works while the block lasts; at its end they finish what they have begun."""

    def __init__(self, hospital: Hospital, seed: int, people: int = PEOPLE) -> None:
        shared = hospital.medication(boxes=SHARED_BOXES, unit_price="3.20"), hospital.ward(beds=SHARED_BEDS)
        self._people = [_Person(number, seed, hospital, shared) for number in range(people)]

    def __enter__(self) -> Self:
        for person in self._people:
            person.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for person in self._people:
            person.stopping.set()
        for person in self._people:
            person.join()

    @property
    def operations(self) -> Counter[str]:
        """How often each thing was done, or refused."""
        return sum((person.done for person in self._people), Counter[str]())

    @property
    def failures(self) -> list[str]:
        """Requests that a service failed at, or never answered."""
        return [failure for person in self._people for failure in person.failures]
