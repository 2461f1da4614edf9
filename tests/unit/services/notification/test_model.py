"""Who is told what, and what the document says to the relay."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.messages import Reply, encode
from infirmary.mongo import outbox
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import outgoing, partition_of
from infirmary_streams.received import received
from services.notification import model
from services.notification.messages import LabResultRecorded, NotificationSent, PrescriptionRejected
from services.notification.model import Notification
from tests.unit.services.wording import codes, names, short_texts

ID, PATIENT, REFERENCE = (UUID(f"0190163d-8694-739b-aea5-{n:012x}") for n in range(3))
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)

results = st.builds(LabResultRecorded, test=names, value=names, unit=short_texts, critical=st.booleans())
rejections = st.builds(PrescriptionRejected, medication_code=codes, reason=names)
notifications = st.one_of(
    results.map(lambda result: model.critical_lab_result(ID, result.model_copy(update={"critical": True}), AT)),
    rejections.map(lambda rejected: model.prescription_rejected(ID, rejected, AT)),
    st.builds(model.admission_confirmed, st.just(ID), st.uuids(), st.uuids(), codes, st.just(AT)),
)


@given(results)
def test_only_critical_results_are_told(result: LabResultRecorded) -> None:
    notification = model.critical_lab_result(ID, result, AT)
    assert (notification is not None) == result.critical
    if notification is not None:
        assert notification.reference_id == result.lab_result_id
        assert notification.patient_id == result.patient_id


@given(notifications)
def test_everybody_is_told_what_the_patient_was_told(notification: Notification) -> None:
    event = NotificationSent.model_validate_json(encode(model.sent(notification)))
    assert event.subject() == str(ID)
    assert all(getattr(event, name) == getattr(notification, name) for name in NotificationSent.model_fields)


def test_a_reason_of_any_length_fits_into_a_notification() -> None:
    rejected = PrescriptionRejected(
        prescription_id=REFERENCE, patient_id=PATIENT, medication_code="m" * 64, reason="out of stock " * 76
    )
    assert model.sent(model.prescription_rejected(ID, rejected, AT)).text.endswith("out of stock out ....")


@pytest.mark.parametrize(
    ("unit", "text"),
    [("mmol/l", "Critical lab result: potassium is 6.8 mmol/l."), ("", "Critical lab result: potassium is 6.8.")],
)
def test_a_result_is_told_with_its_unit_if_it_has_one(unit: str, text: str) -> None:
    result = LabResultRecorded(
        lab_result_id=REFERENCE, patient_id=PATIENT, test="potassium", value="6.8", unit=unit, critical=True
    )
    notification = model.critical_lab_result(ID, result, AT)
    assert notification is not None
    assert notification.text == text


def test_an_event_is_the_first_of_its_subject_and_a_reply_the_first_of_its_saga() -> None:
    cause = causation_of(None, None, None)
    sent = model.sent(model.admission_confirmed(ID, PATIENT, REFERENCE, "w1", AT))
    reply = Reply(saga_id=REFERENCE, step="confirmation", attempt=1, outcome="done")
    messages = [
        outgoing(sent, source="notification", cause=cause),
        outgoing(reply, source="notification", cause=cause, to="admission"),
    ]
    embedded = outbox.fields(messages, {})
    event_row, reply_row = embedded["outbox"]
    assert embedded["outbox_partition"] == partition_of(str(ID))
    assert (event_row["target"], event_row["sequence"]) == ("notification.events", 1)
    assert received(event_row["header"]).properties["application_headers"]["sequence"] == 1
    assert (reply_row["target"], reply_row["sequence"]) == ("notification.to.admission", 1)
    assert received(reply_row["header"]).properties["application_headers"]["sequence"] == 1
