"""What a chart says, and that it listens to everybody."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from audit.hospital import PUBLISHERS, READS
from infirmary.messages import Event
from services.chart.handlers import handlers
from services.chart.model import Chart

PATIENT = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
ROW: dict[str, Any] = {
    "patient": {
        "patient_id": str(PATIENT),
        "full_name": "Ada Lovelace",
        "date_of_birth": "1815-12-10",
        "version": 1,
        "admitted": False,
    },
    "admission": None,
    "prescriptions": [],
    "prescriptions_total": 0,
    "lab_results": [],
    "lab_results_total": 0,
    "balance": Decimal(0),
    "notifications": [],
    "notifications_total": 0,
    "as_of": datetime(2026, 11, 23, 12, tzinfo=UTC),
}


def events_about_patients(service: str) -> set[type[Event]]:
    """Returns the events that a service publishes and that carry a patient's id."""
    declared = vars(import_module(f"services.{service}.messages")).values()
    return {
        message
        for message in declared
        if isinstance(message, type)
        and issubclass(message, Event)
        and message is not Event
        and message.contract.direction == "publishes"
        and "patient_id" in message.model_fields
    }


NOT_SHOWN = {
    "PatientErasureCompleted": "a chart is closed from when the erasure begins",
    "AdmissionRequested": "an admission is on the chart from when the patient is admitted",
    "AccountHeld": "whether somebody may be charged is billing's business",
}


@pytest.mark.parametrize("service", sorted({*PUBLISHERS} & {*READS["chart"]}))
def test_the_chart_hears_every_event_about_a_patient_that_it_shows(service: str) -> None:
    missed = {
        message.__name__
        for message in events_about_patients(service)
        if (service, message.__name__) not in handlers.events and message.__name__ not in NOT_SHOWN
    }
    assert not missed


def test_nothing_is_asked_of_the_chart_but_to_forget_somebody() -> None:
    assert handlers.commands.keys() == {"EraseFromCharts"}


@pytest.mark.parametrize(
    ("balance", "shown"), [(0, "0.00"), ("12.5", "12.50"), ("-100", "-100.00"), ("9999999999.99", "9999999999.99")]
)
def test_a_balance_is_shown_with_two_places(balance: str | int, shown: str) -> None:
    chart = Chart.model_validate(ROW | {"balance": Decimal(balance)})
    assert chart.model_dump(mode="json")["balance"] == shown


def test_a_prescription_may_be_heard_of_before_what_was_prescribed() -> None:
    prescription = {
        "prescription_id": str(PATIENT),
        "medication_code": None,
        "quantity": None,
        "status": "accepted",
        "reason": None,
        "stock": None,
    }
    assert Chart.model_validate(ROW | {"prescriptions": [prescription]}).prescriptions[0].status == "accepted"


def test_a_status_that_no_owner_has_is_a_mistake_here() -> None:
    admission = {
        "admission_id": str(PATIENT),
        "ward_id": "w",
        "status": "maybe",
        "bed_reserved": True,
        "at": ROW["as_of"],
    }
    with pytest.raises(ValidationError, match="status"):
        Chart.model_validate(ROW | {"admission": admission})
