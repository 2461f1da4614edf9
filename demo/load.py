"""Many people at once, while processes or pods are killed under them."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from itertools import cycle

from audit.client import Refusal
from demo.client import Hospital
from demo.entities import Medication, Patient, Ward
from demo.kill_targets import KillTargets
from demo.narrator import Narrator

PRESCRIPTIONS, ADMISSIONS = 200, 50
PATIENTS, PATIENTS_ON_HOLD = 40, 5
BEDS, BOXES = 30, 300
AT_ONCE = 8
KILLED = ("prescription-relay", "inventory-consumer", "prescription-api")
WITHIN_S = 90.0

Deed = Callable[[], str]


class Load:
    """200 prescriptions and 50 admissions, in any order, eight at a time."""

    def __init__(self, hospital: Hospital, narrator: Narrator, kill_targets: KillTargets | None) -> None:
        """Prepares the load.

        Args:
            hospital: Where it happens.
            narrator: Where it is shown.
            kill_targets: Those that can be killed; None to leave everybody in peace.
        """
        self.hospital, self.narrator, self.kill_targets = hospital, narrator, kill_targets
        self._chance = random.Random(0)  # noqa: S311 - the same load every day
        self._recoveries: dict[str, Future[float]] = {}

    def run(self) -> Counter[str]:
        """Lets everything happen, kills in the middle of it, and returns how often each thing has happened."""
        deeds = self._deeds()
        victims_at = {len(deeds) * (number + 1) // (len(KILLED) + 1): name for number, name in enumerate(KILLED)}
        outcomes: Counter[str] = Counter()
        with (
            ThreadPoolExecutor(len(KILLED)) as watchers,
            ThreadPoolExecutor(AT_ONCE) as pool,
            self.narrator.progress("prescriptions and admissions, eight at a time", len(deeds)) as advance,
        ):
            futures = [pool.submit(deed) for deed in deeds]
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    outcomes[future.result()] += 1
                    advance()
                    if done in victims_at:
                        self._strike(victims_at[done], watchers)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for name, recovery in self._recoveries.items():
            self.narrator.say(f"{name} was ready again {recovery.result():.1f} s after it was killed")
        return outcomes

    def _deeds(self) -> list[Deed]:
        """Returns what everybody is about to do, in a random order that is the same every time."""
        patients = [self.hospital.patient(on_credit_hold=number < PATIENTS_ON_HOLD) for number in range(PATIENTS)]
        medication = self.hospital.medication(boxes=BOXES, unit_price="3.20")
        ward = self.hospital.ward(beds=BEDS)
        plans = cycle(("hand out", "leave", "cancel", "leave"))
        deeds = [
            self._prescription(self._chance.choice(patients), medication, next(plans)) for _ in range(PRESCRIPTIONS)
        ]
        deeds += [self._admission(self._chance.choice(patients), ward) for _ in range(ADMISSIONS)]
        self._chance.shuffle(deeds)
        return deeds

    def _prescription(self, patient: Patient, medication: Medication, plan: str) -> Deed:
        quantity = self._chance.randint(1, 4)

        def prescribe() -> str:
            prescription = self.hospital.prescribe(patient, medication, quantity, known_within_s=WITHIN_S)
            try:
                if plan == "cancel":
                    self.hospital.cancel(prescription)
                elif plan == "hand out":
                    self.hospital.eventually(
                        prescription.is_decided, because="inventory decides", within_s=WITHIN_S, look_every_s=0.05
                    )
                    self.hospital.dispense(prescription)
            except Refusal as refusal:
                if refusal.status != 409:
                    raise
                return "prescriptions rejected before that"  # it cannot be handed out or cancelled any more
            return {"cancel": "prescriptions cancelled", "hand out": "dispensings begun"}.get(
                plan, "prescriptions left"
            )

        return prescribe

    def _admission(self, patient: Patient, ward: Ward) -> Deed:
        def admit() -> str:
            self.hospital.admit(patient, ward)
            return "admissions begun"

        return admit

    def _strike(self, name: str, watchers: ThreadPoolExecutor) -> None:
        if self.kill_targets is None:
            return
        killed = self.kill_targets.kill(name)
        self.narrator.say(f"[bold]SIGKILL[/] {name} ({killed.who})")
        self._recoveries[name] = watchers.submit(self.kill_targets.wait_until_back, killed)
