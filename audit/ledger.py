"""What a client did and the hospital acknowledged. The checker holds the hospital to it."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Delivered:
    """Boxes came in."""

    code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A stocktake set what is on hand.

    Attributes:
        in_flight: Dispensings that were under way at the time: whether their boxes were counted cannot be known.
    """

    code: str
    on_hand: int
    in_flight: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class DispensingAsked:
    """A prescription was to be dispensed."""

    prescription_id: UUID


StockOperation = Delivered | Counted | DispensingAsked


@dataclass(frozen=True, slots=True)
class Prescribed:
    """A prescription was written."""

    patient_id: UUID
    code: str
    quantity: int


@dataclass
class Ledger:
    """Acknowledged operations; safe to use from several threads.

    Attributes:
        names: The last acknowledged name of each patient.
        stock: Deliveries, stocktakes and dispensings in the order of their acknowledgement.
        beds: How many beds each ward was last given.
        erased: Patients who were to be forgotten.
        holds: Whether each account was last held.
        shown: How many questions were answered, by the service and the correlation id.
        unanswered: Operations that never got a definite answer: they may have happened, or not.
    """

    names: dict[UUID, str] = field(default_factory=dict)
    medications: set[str] = field(default_factory=set)
    stock: list[StockOperation] = field(default_factory=list)
    prescriptions: dict[UUID, Prescribed] = field(default_factory=dict)
    cancelled: set[UUID] = field(default_factory=set)
    beds: dict[str, int] = field(default_factory=dict)
    erased: set[UUID] = field(default_factory=set)
    holds: dict[UUID, bool] = field(default_factory=dict)
    lab_results: dict[UUID, UUID] = field(default_factory=dict)
    admissions: dict[UUID, UUID] = field(default_factory=dict)
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    unanswered: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _in_flight: set[UUID] = field(default_factory=set, repr=False)
    _counting: dict[int, set[UUID]] = field(default_factory=dict, repr=False)
    """What is doubtful of each stocktake under way, by identity: two of them may doubt the same."""

    def was_shown(self, service: str, correlation_id: str) -> None:
        """Notes that a service has answered a question."""
        with self._lock:
            self.shown[service, correlation_id] += 1

    def dispensing_asked(self, prescription_id: UUID) -> None:
        """Notes that a prescription is to be dispensed; call it before the request is sent."""
        with self._lock:
            self.stock.append(DispensingAsked(prescription_id))
            self._in_flight.add(prescription_id)
            for doubtful in self._counting.values():
                doubtful.add(prescription_id)

    def dispensing_refused(self, prescription_id: UUID) -> None:
        """Takes that back: the service would not."""
        with self._lock:
            self.stock.remove(DispensingAsked(prescription_id))
            self._in_flight.discard(prescription_id)

    def dispensing_ended(self, prescription_id: UUID) -> None:
        """Notes that a prescription was seen and was not being dispensed."""
        with self._lock:
            self._in_flight.discard(prescription_id)

    @contextmanager
    def counting(self, code: str, on_hand: int) -> Iterator[None]:
        """Surrounds a stocktake, and notes it with the dispensings that were under way meanwhile."""
        with self._lock:
            doubtful = set(self._in_flight)
            self._counting[id(doubtful)] = doubtful
        try:
            yield
            with self._lock:
                self.stock.append(Counted(code, on_hand, frozenset(doubtful)))
        finally:
            with self._lock:
                del self._counting[id(doubtful)]
