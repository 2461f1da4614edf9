"""The client repeats what is safe to repeat, keeps the ledger, and says what it saw last."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from audit.client import Refusal, Unanswered, correlated
from audit.ledger import Counted, Delivered, DispensingAsked
from demo.client import Hospital, NeverHappened
from demo.entities import Medication, Patient, Prescription
from tests.unit.demo.stand_in import Request, Script, serving

ID = uuid4()
PATIENT = {"patient_id": str(ID), "full_name": "Ada", "date_of_birth": "1815-12-10", "version": 1, "admitted": False}
PENICILLIN = {"code": "p", "name": "P", "unit_price": "1.00", "on_hand": 5, "reserved": 0, "available": 5}
UNKNOWN = {"detail": "the patient is not known here yet", "errors": [{"field": "body.patient_id", "message": "..."}]}


def prescribed(status: str) -> dict[str, Any]:
    return {
        "prescription_id": str(ID), "patient_id": str(ID), "patient_name": "Ada", "medication_code": "p", "quantity": 1,
        "status": status, "reason": None,
    }  # fmt: skip


def test_a_post_is_repeated_with_the_same_key_while_the_service_is_away() -> None:
    def answer(_request: Request, number: int) -> tuple[int, Any] | None:
        return {0: None, 1: (503, {"detail": "away"})}.get(number, (201, PATIENT))

    script = Script(answer)
    with serving(script) as env, Hospital(env) as hospital:
        patient = hospital.register_patient("Ada", date(1815, 12, 10))
        assert hospital.ask.repeated == 2
    assert patient.patient_id == ID
    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 1
    assert hospital.ledger.names == {ID: "Ada"}


@pytest.mark.parametrize("status", [404, 502])
def test_what_a_gateway_answers_for_a_service_that_is_away_is_no_refusal(status: int) -> None:
    script = Script(lambda _request, number: (status, "<p>no such host</p>") if number == 0 else (201, PATIENT))
    with serving(script) as env, Hospital(env) as hospital:
        assert hospital.register_patient("Ada", date(1815, 12, 10)).patient_id == ID
        assert hospital.ask.repeated == 1


def test_two_posts_have_two_keys() -> None:
    script = Script(lambda _request, _number: (201, PATIENT))
    with serving(script) as env, Hospital(env) as hospital:
        hospital.patient("Ada")
        hospital.patient("Ada")
    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 2


def test_what_was_never_answered_is_noted_as_such() -> None:
    script = Script(lambda _request, _number: (503, {"detail": "away"}))
    with serving(script) as env, Hospital(env, patience_s=0.0) as hospital:
        with pytest.raises(Unanswered, match="patient was away"):
            hospital.patient("Ada")
        assert len(hospital.ledger.unanswered) == 1
        assert hospital.ledger.names == {}


def test_a_refusal_says_what_the_service_said() -> None:
    script = Script(lambda _request, _number: (409, {"detail": "the patient is not admitted"}))
    expected = pytest.raises(Refusal, match="409, the patient is not admitted")
    with serving(script) as env, Hospital(env) as hospital, expected:
        hospital.discharge(Patient(ID, hospital.ask))


def test_a_prescription_waits_until_the_patient_is_known() -> None:
    script = Script(lambda _request, number: (422, UNKNOWN) if number < 2 else (201, prescribed("pending")))
    with serving(script) as env, Hospital(env) as hospital:
        prescription = hospital.prescribe(Patient(ID, hospital.ask), Medication("p", hospital.ask))
    assert len(script.requests) == 3
    assert list(hospital.ledger.prescriptions) == [prescription.prescription_id]


def test_another_422_is_a_refusal_at_once() -> None:
    script = Script(lambda _request, _number: (422, {"detail": "no", "errors": [{"field": "body.quantity"}]}))
    with serving(script) as env, Hospital(env) as hospital, pytest.raises(Refusal):
        hospital.prescribe(Patient(ID, hospital.ask), Medication("p", hospital.ask), 0)
    assert len(script.requests) == 1


def test_what_was_waited_for_in_vain_is_reported_with_the_last_answers() -> None:
    script = Script(lambda _request, _number: (200, prescribed("rejected")))
    with serving(script) as env, Hospital(env) as hospital:
        prescription = Prescription(ID, hospital.ask)
        with pytest.raises(NeverHappened, match=rf'stock(.|\n)*GET /prescriptions/{ID} -> .*"rejected"'):
            hospital.eventually(prescription.is_accepted, because="there is stock", within_s=0.0)


def test_a_condition_is_asked_until_it_holds() -> None:
    script = Script(lambda _request, number: (200, prescribed("accepted" if number == 3 else "pending")))
    with serving(script) as env, Hospital(env) as hospital:
        hospital.eventually(Prescription(ID, hospital.ask).is_accepted, because="there is stock")
    assert len(script.requests) == 4


def test_all_pages_of_a_list_are_asked_for() -> None:
    def answer(request: Request, _number: int) -> tuple[int, Any]:
        return 200, {"items": [prescribed("pending")], "next_cursor": None if "cursor=x" in request.path else "x"}

    with serving(Script(answer)) as env, Hospital(env) as hospital:
        assert len(hospital.ask.prescriptions(ID)) == 2


def test_requests_carry_the_correlation_id_of_their_block() -> None:
    script = Script(lambda _request, _number: (200, PATIENT))
    with serving(script) as env, Hospital(env) as hospital:
        with correlated("demo-1"):
            assert not Patient(ID, hospital.ask).is_admitted
        assert not Patient(ID, hospital.ask).is_admitted
    assert [request.headers.get("X-Correlation-ID") for request in script.requests] == ["demo-1", None]


def test_deliveries_and_stocktakes_are_noted_in_their_order() -> None:
    script = Script(lambda _request, _number: (200, PENICILLIN))
    with serving(script) as env, Hospital(env) as hospital:
        medication = hospital.put_medication("p", "P", "1.00")
        hospital.deliver(medication, 5)
        hospital.count(medication, 4)
    assert hospital.ledger.stock == [Delivered("p", 5), Counted("p", 4, frozenset())]


def test_a_dispensing_that_was_refused_is_not_noted() -> None:
    def answer(_request: Request, number: int) -> tuple[int, Any]:
        return (202, prescribed("dispensing")) if number == 0 else (409, {"detail": "it is dispensing"})

    with serving(Script(answer)) as env, Hospital(env) as hospital:
        hospital.dispense(Prescription(ID, hospital.ask))
        with pytest.raises(Refusal):
            hospital.dispense(Prescription(ID, hospital.ask))
    assert hospital.ledger.stock == [DispensingAsked(ID)]
