"""What the laboratory tells the others."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infirmary.messages import encode
from services.lab.api import NewLabResult
from services.lab.messages import LabResultRecorded
from services.lab.model import LabResult, recorded
from tests.unit.services.wording import names, short_texts

PATIENT = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
REQUEST = {"patient_id": PATIENT, "test": "potassium", "value": "6.8", "unit": "mmol/l", "critical": True}

results = st.builds(
    LabResult,
    lab_result_id=st.uuids(),
    patient_id=st.uuids(),
    patient_name=names,
    test=names,
    value=names,
    unit=short_texts,
    critical=st.booleans(),
    at=st.just(datetime(2026, 11, 23, 12, tzinfo=UTC)),
)


@given(results)
def test_a_result_is_told_as_it_was_recorded(result: LabResult) -> None:
    event = LabResultRecorded.model_validate_json(encode(recorded(result)))
    assert event.subject() == str(result.lab_result_id)
    assert all(getattr(event, name) == getattr(result, name) for name in LabResultRecorded.model_fields)


def test_the_patients_name_stays_behind() -> None:
    assert "patient_name" not in LabResultRecorded.model_fields


@pytest.mark.parametrize("value", ["6.8", "< 0.5", "positive", "1:320", "x" * 200])
def test_a_value_is_text(value: str) -> None:
    assert NewLabResult.model_validate(REQUEST | {"value": value}).value == value


def test_a_value_may_have_no_unit() -> None:
    assert NewLabResult.model_validate(REQUEST | {"test": "pH", "value": "7.41", "unit": ""}).unit == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", 6.8),
        ("value", ""),
        ("value", "x" * 201),
        ("test", "potas\x00sium"),
        ("unit", "x" * 33),
        ("critical", "yes"),
        ("critical", 1),
        ("patient_id", "somebody"),
        ("comment", "a field that nobody knows"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        NewLabResult.model_validate(REQUEST | {field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]
