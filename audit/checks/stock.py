"""The boxes on the shelves are those that were delivered and not dispensed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from audit.facts import Facts
from audit.ledger import Counted, Delivered, DispensingAsked, Ledger, StockOperation
from audit.responses import PrescriptionResponse
from audit.violation import Violation

ON_HAND = "delivered - dispensed (+ stocktakes) = on hand"
RESERVED = "reserved = the accepted prescriptions"


def reserved_stock_is_for_accepted_prescriptions(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """What is reserved is what accepted prescriptions ask for."""
    wanted: Counter[str] = Counter()
    for prescription in facts.prescriptions.values():
        if prescription.status in ("accepted", "dispensing"):
            wanted[prescription.medication_code] += prescription.quantity
    for code, medication in facts.medications.items():
        if medication.reserved != wanted[code]:
            what = f"{medication.reserved} reserved, {wanted[code]} prescribed and accepted"
            yield Violation(RESERVED, f"medication {code}", what)
        if medication.available != medication.on_hand - medication.reserved:
            what = f"{medication.available} available of {medication.on_hand} - {medication.reserved}"
            yield Violation(RESERVED, f"medication {code}", what)


def stock_on_hand_adds_up(facts: Facts, ledger: Ledger) -> Iterator[Violation]:
    """What is on hand follows from the deliveries, stocktakes and dispensings that a client was told of."""
    for code in ledger.medications & facts.medications.keys():
        on_hand = facts.medications[code].on_hand
        prescriptions = {
            prescription_id: prescription
            for prescription_id, prescription in facts.prescriptions.items()
            if prescription.medication_code == code
        }
        lowest, highest = expected_on_hand(code, ledger.stock, prescriptions)
        if not lowest <= on_hand <= highest:
            expected = str(lowest) if lowest == highest else f"{lowest} to {highest}"
            yield Violation(ON_HAND, f"medication {code}", f"{on_hand} on hand, expected {expected}")


def expected_on_hand(
    code: str, operations: Sequence[StockOperation], prescriptions: Mapping[UUID, PrescriptionResponse]
) -> tuple[int, int]:
    """Returns the least and the most that can be on hand at rest.

    They differ only when dispensings were under way during the last stocktake: their boxes may have been counted.

    Args:
        code: The medication.
        operations: Deliveries, stocktakes and dispensings asked for, in their order.
        prescriptions: Those of this medication, as they are at rest.
    """
    counted, counted_at = Counted(code, 0, frozenset()), -1
    asked_at: dict[UUID, int] = {}
    for at, operation in enumerate(operations):
        match operation:
            case Counted(code=where) if where == code:
                counted, counted_at = operation, at
            case DispensingAsked(prescription_id):
                asked_at[prescription_id] = at
    delivered = sum(
        operation.quantity
        for operation in operations[counted_at + 1 :]
        if isinstance(operation, Delivered) and operation.code == code
    )
    lowest = highest = counted.on_hand + delivered
    for prescription_id, prescription in prescriptions.items():
        dispensed = prescription.status == "dispensed"
        if prescription_id in counted.in_flight:
            lowest -= prescription.quantity if dispensed else 0
            highest += 0 if dispensed else prescription.quantity
        elif dispensed and asked_at.get(prescription_id, counted_at) > counted_at:
            lowest -= prescription.quantity
            highest -= prescription.quantity
    return lowest, highest
