"""What is left of what is kept once a person is erased: no name, and still what it was."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infirmary.erasing import error_without_person, without_person
from services.chart.messages import PatientRegistered

PERSONAL = {"full_name": "erased", "date_of_birth": "0001-01-01"}
NAMES = st.sampled_from(["full_name", "date_of_birth"])
OTHERS = st.sampled_from(["patient_id", "full", "name", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


def documents(names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Returns JSON in which objects lie in lists and in objects."""
    return st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


def found(value: Any) -> list[Any]:
    """Returns what stands in personal fields, however deep."""
    inner = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    here = [each for name, each in value.items() if name in PERSONAL] if isinstance(value, dict) else []
    return here + [one for each in inner for one in found(each)]


@given(documents(NAMES | OTHERS))
def test_nothing_personal_is_left_however_deep_it_lies(document: Any) -> None:
    left = json.loads(without_person(json.dumps(document).encode(), PERSONAL))
    assert set(map(str, found(left))) <= set(PERSONAL.values())
    assert without_person(json.dumps(left).encode(), PERSONAL) == json.dumps(left).encode()


@given(documents(OTHERS))
def test_what_holds_nothing_personal_stays_as_it_is_to_the_byte(document: Any) -> None:
    body = json.dumps(document, indent=1).encode()
    assert without_person(body, PERSONAL) == body


@given(st.binary(max_size=20))
def test_of_what_cannot_be_read_nothing_is_left(rubbish: bytes) -> None:
    body = b"\xff Zenobia" + rubbish
    assert without_person(body, PERSONAL) == b""


def test_what_is_too_deep_to_be_read_cannot_be_read() -> None:
    assert without_person(b"[" * 100_000, PERSONAL) == b""


def test_a_message_can_still_be_read_as_what_it_was() -> None:
    registered = {"patient_id": "0190163d-8694-739b-aea5-966c26f8ad90", "version": 1}
    body = json.dumps({**registered, "full_name": "Zenobia", "date_of_birth": "1907-02-28"}).encode()
    assert PatientRegistered.model_validate_json(without_person(body, PERSONAL)).full_name == "erased"


def test_an_error_keeps_its_kind_and_the_calls_and_cites_nobody() -> None:
    error = "CheckViolation: new row violates a check; DETAIL: Failing row contains (Zenobia).\n  File a.py, line 1"
    assert error_without_person(error) == (
        "CheckViolation: erased with the person whom it was about\n  File a.py, line 1"
    )
