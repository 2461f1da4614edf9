"""What must be on hand follows from deliveries, stocktakes and dispensings in their order."""

from uuid import UUID, uuid4

from audit.checks.stock import expected_on_hand
from audit.ledger import Counted, Delivered, DispensingAsked, Ledger, StockOperation
from audit.responses import PrescriptionResponse

Operations = list[StockOperation]
FIRST, SECOND = uuid4(), uuid4()


def prescribed(**by_status: UUID) -> dict[UUID, PrescriptionResponse]:
    """Returns prescriptions of 2 boxes each, by their status."""
    return {
        prescription_id: PrescriptionResponse.model_validate(
            {
                "prescription_id": prescription_id,
                "patient_id": uuid4(),
                "patient_name": "Ada",
                "medication_code": "m",
                "quantity": 2,
                "status": status,
            }
        )
        for status, prescription_id in by_status.items()
    }


def test_delivered_minus_dispensed_is_on_hand() -> None:
    operations: Operations = [
        Delivered("m", 10),
        Delivered("other", 99),
        DispensingAsked(FIRST),
        Delivered("m", 1),
    ]
    assert expected_on_hand("m", operations, prescribed(dispensed=FIRST)) == (9, 9)


def test_what_was_not_dispensed_is_still_there() -> None:
    operations: Operations = [Delivered("m", 10), DispensingAsked(FIRST)]
    assert expected_on_hand("m", operations, prescribed(accepted=FIRST)) == (10, 10)


def test_a_stocktake_stands_for_all_that_was_before() -> None:
    operations: Operations = [
        Delivered("m", 10),
        DispensingAsked(FIRST),
        Counted("m", 5, frozenset()),
        DispensingAsked(SECOND),
    ]
    assert expected_on_hand("m", operations, prescribed(dispensed=FIRST)) == (5, 5)
    assert expected_on_hand("m", operations, prescribed(dispensed=SECOND)) == (3, 3)


def test_a_prescription_that_is_dispensed_only_after_a_stocktake_in_a_second_try_counts() -> None:
    operations: Operations = [DispensingAsked(FIRST), Counted("m", 5, frozenset()), DispensingAsked(FIRST)]
    assert expected_on_hand("m", operations, prescribed(dispensed=FIRST)) == (3, 3)


def test_a_dispensing_under_way_during_the_stocktake_leaves_a_doubt() -> None:
    operations: Operations = [Delivered("m", 10), DispensingAsked(FIRST), Counted("m", 5, frozenset({FIRST}))]
    assert expected_on_hand("m", operations, prescribed(dispensed=FIRST)) == (3, 5)
    assert expected_on_hand("m", operations, prescribed(accepted=FIRST)) == (5, 7)


def test_the_ledger_notes_what_is_under_way_before_and_during_a_stocktake() -> None:
    ledger, third = Ledger(), uuid4()
    ledger.dispensing_asked(FIRST)
    ledger.dispensing_asked(SECOND)
    ledger.dispensing_ended(FIRST)
    with ledger.counting("m", 5):
        ledger.dispensing_asked(third)
    ledger.dispensing_asked(FIRST)
    counted = next(operation for operation in ledger.stock if isinstance(operation, Counted))
    assert counted.in_flight == {SECOND, third}
    assert ledger.stock.index(counted) == 3


def test_a_refused_dispensing_is_taken_back() -> None:
    ledger = Ledger()
    ledger.dispensing_asked(FIRST)
    ledger.dispensing_refused(FIRST)
    assert ledger.stock == []
