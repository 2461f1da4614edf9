"""Measures how long a prescription takes on an idle hospital, as a client sees it."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from demo.client import Hospital
from demo.narrator import Narrator

PRESCRIPTIONS = 200
P50_GOAL_MS, P99_GOAL_MS = 40.0, 150.0
LOOK_EVERY_S = 0.002


@dataclass(frozen=True, slots=True)
class Latency:
    """How long it took, in milliseconds: half of them at most `p50_ms`, all but one in a hundred at most `p99_ms`."""

    p50_ms: float
    p99_ms: float

    @property
    def meets_goals(self) -> bool:
        """Whether both are below their goals."""
        return self.p50_ms < P50_GOAL_MS and self.p99_ms < P99_GOAL_MS

    def __str__(self) -> str:
        return (
            f"p50 {self.p50_ms:.0f} ms ({_against(self.p50_ms, P50_GOAL_MS)}), "
            f"p99 {self.p99_ms:.0f} ms ({_against(self.p99_ms, P99_GOAL_MS)})"
        )


def _against(measured_ms: float, goal_ms: float) -> str:
    return f"the goal, below {goal_ms:.0f}, is {'met' if measured_ms < goal_ms else 'missed'}"


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the smallest of the values that at least this share of them does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def measure(hospital: Hospital, narrator: Narrator, prescriptions: int = PRESCRIPTIONS) -> Latency:
    """Writes prescriptions one after the other; each from the POST until a GET says that it is accepted."""
    patient = hospital.patient()
    medication = hospital.medication(boxes=prescriptions + 1)
    hospital.prescribe(patient, medication)  # waits until the patient is known
    taken_ms = []
    with narrator.progress("prescriptions, one after the other", prescriptions) as advance:
        for _ in range(prescriptions):
            begun_at = time.perf_counter()
            prescription = hospital.prescribe(patient, medication)
            hospital.eventually(prescription.is_accepted, because="there are boxes", look_every_s=LOOK_EVERY_S)
            taken_ms.append((time.perf_counter() - begun_at) * 1000)
            advance()
    return Latency(percentile(taken_ms, 0.5), percentile(taken_ms, 0.99))
