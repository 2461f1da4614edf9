"""A client's own share of a hospital in use can be judged, whatever state the rest is in."""

from collections.abc import Iterator

import psycopg
import pytest

from audit.collector import NotAtRest
from audit.share_collector import ShareCollector
from audit.verdict import judge
from demo.client import Hospital
from demo.traffic import Traffic
from local.hospital import Hospital as Machinery

MARK = "demo-share"

OTHERS_TROUBLE = """
INSERT INTO parked_message (channel, source, subject, type, properties, body, error, retry_at)
VALUES ('patient.events', 'patient', 'somebody-elses', 'Noted', '{}', '', 'TroubleOfOthers', 'infinity')
"""


@pytest.fixture
def others_trouble(machinery: Machinery) -> Iterator[None]:
    """Somebody else's message is parked for ever, which no audit of the whole hospital would let pass."""
    with psycopg.connect(machinery.env["CHART_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(OTHERS_TROUBLE)
        yield
        connection.execute("DELETE FROM parked_message WHERE error = 'TroubleOfOthers'")


@pytest.mark.usefixtures("others_trouble")
def test_a_share_holds_beside_others_trouble_and_its_own_is_found(machinery: Machinery, hospital: Hospital) -> None:
    env = machinery.env
    with Hospital(env, mark=MARK) as client, Traffic(env, MARK, 30) as traffic:
        patient, medication, ward = client.patient(), client.medication(boxes=5), client.ward()
        hospital.prescribe(hospital.patient(), hospital.medication(boxes=1))  # somebody else's, meanwhile
        accepted = client.prescribe(patient, medication, 2)
        client.eventually(accepted.is_accepted, because="there are 5 boxes")
        client.dispense_and_wait(accepted)
        client.lab_result(patient, critical=True)
        client.admit(patient, ward)
        collector = ShareCollector(env, client.ask, MARK, client.ledger, traffic.heard)
        collector.await_quiescence(60)
        facts = collector.facts()
        assert set(facts.patients) == {patient.patient_id}
        assert set(facts.prescriptions) == {accepted.prescription_id}
        assert {saga.status for state in facts.databases.values() for saga in state.sagas} == {"completed"}
        assert judge(facts, client.ledger).violations == []
        with psycopg.connect(env["CHART_DATABASE_URL"], autocommit=True) as connection:
            parked = OTHERS_TROUBLE.replace("somebody-elses", str(patient.patient_id))
            connection.execute(parked)
        with pytest.raises(NotAtRest, match="TroubleOfOthers"):
            collector.await_quiescence(1)
