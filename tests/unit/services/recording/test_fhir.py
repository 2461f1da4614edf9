"""A record as FHIR has it."""

from typing import Any
from uuid import uuid4

import pytest

from infirmary.identifiers import new_id
from services.audit.fhir import event
from services.audit.model import canonical
from tests.unit.services.recording.records import access


def told(**said: Any) -> dict[str, Any]:
    one = access(**said)
    found: dict[str, Any] = event(one.access_id, canonical("chart", one)).model_dump(mode="json")
    return found


@pytest.mark.parametrize("record", ["", "{}", '{"person":' + "[" * 5000, '{"method":"GET"}', '"a text"'])
def test_a_record_that_cannot_be_read_is_shown_as_such(record: str) -> None:
    said = event(access_id := new_id(), record).model_dump(mode="json")
    assert (said["id"], said["outcome"]) == (str(access_id), "8")
    assert "not what a service tells" in said["outcomeDesc"]


def test_it_says_who_saw_what_of_whom_from_where() -> None:
    patient_id = uuid4()
    said = told(person=patient_id)
    assert said["resourceType"] == "AuditEvent"
    assert said["agent"] == [
        {
            "who": {"identifier": {"value": "dr-who"}},
            "role": [{"text": "doctor"}],
            "requestor": True,
            "network": {"address": "192.0.2.7", "type": "2"},
        }
    ]
    assert said["source"] == {"observer": {"display": "chart"}}
    patient, asked_for = said["entity"]
    assert patient["what"] == {"reference": f"Patient/{patient_id}"}
    assert asked_for["name"] == "GET /charts/<patient_id>"


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "0"), (202, "0"), (401, "4"), (403, "4"), (404, "4"), (500, "8"), (503, "8")]
)
def test_its_outcome_tells_a_refusal_from_a_failure(status: int, outcome: str) -> None:
    assert (told(status=status)["outcome"], told(status=status)["outcomeDesc"]) == (outcome, str(status))


@pytest.mark.parametrize(
    ("method", "action", "interaction"),
    [
        ("GET", "R", "read"),
        ("HEAD", "R", "read"),
        ("POST", "C", "create"),
        ("PUT", "U", "update"),
        ("DELETE", "D", "delete"),
    ],
)
def test_its_action_is_that_of_the_method(method: str, action: str, interaction: str) -> None:
    said = told(method=method)
    assert said["action"] == action
    assert said["subtype"][0]["code"] == interaction


def test_a_list_over_all_patients_names_none_and_says_so() -> None:
    said = told(several=True)
    assert said["subtype"][0]["code"] == "search-type"
    (asked_for,) = said["entity"]
    assert {"type": "patients", "valueString": "perhaps several"} in asked_for["detail"]


@pytest.mark.parametrize(("identified", "words"), [(True, "not known"), (False, "not asked")])
def test_a_caller_who_is_not_known_is_no_caller_whom_nobody_has_asked(identified: bool, words: str) -> None:
    said = told(caller=None, roles=[], identified=identified)
    (agent,) = said["agent"]
    assert words in agent["who"]["display"]
    assert "role" not in agent
