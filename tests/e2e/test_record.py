"""Who did or saw what of a patient comes to be read in audit, and the chain holds."""

import os
import subprocess
import sys
from typing import Any

import httpx

from audit.client import bearer
from demo.client import Hospital
from local.hospital import Hospital as Machinery
from local.rundir import REPOSITORY
from tests.eventually import eventually


def as_role(machinery: Machinery, role: str) -> dict[str, str]:
    return bearer({"HOSPITAL_TOKEN": machinery.env[f"HOSPITAL_TOKEN_{role}"]})


def test_the_auditor_reads_who_did_and_saw_what_of_a_patient(machinery: Machinery, hospital: Hospital) -> None:
    env, patient = machinery.env, hospital.patient().patient_id
    asked = [
        (f"{env['PATIENT_URL']}/patients/{patient}", "DOCTOR", 200),
        (f"{env['NOTIFICATION_URL']}/notifications?patient_id={patient}", "DOCTOR", 200),
        (f"{env['BILLING_URL']}/accounts/{patient}", "DOCTOR", 403),
    ]
    for url, role, status in asked:
        assert httpx.get(url, headers=as_role(machinery, role), timeout=20).status_code == status

    def events() -> list[dict[str, Any]]:
        found = httpx.get(
            f"{env['AUDIT_URL']}/audit-events?patient_id={patient}", headers=as_role(machinery, "AUDITOR"), timeout=20
        )
        return [entry["resource"] for entry in found.json().get("entry", [])]

    def seen() -> set[tuple[str, str, str]]:
        return {(each["source"]["observer"]["display"], each["action"], each["outcomeDesc"]) for each in events()}

    expected = {("patient", "C", "201"), ("patient", "R", "200"), ("notification", "R", "200"), ("billing", "R", "403")}
    eventually(lambda: expected <= seen(), because=f"{expected} are on record")
    eventually(lambda: ("audit", "R", "200") in seen(), because="the auditor is on record, too")
    doctors = [each["agent"][0] for each in events() if each["source"]["observer"]["display"] != "audit"]
    assert {"text": "doctor"} in [role for agent in doctors for role in agent["role"]]


def test_only_whose_scope_it_is_reads_the_record(machinery: Machinery) -> None:
    url = f"{machinery.env['AUDIT_URL']}/audit-events"
    assert httpx.get(url, timeout=20).status_code == 401
    assert httpx.get(url, headers=as_role(machinery, "DOCTOR"), timeout=20).status_code == 403


def test_the_chain_of_what_is_on_record_holds(machinery: Machinery) -> None:
    verified = subprocess.run(
        [sys.executable, "-m", "services", "audit", "verify"],
        env={**os.environ, "DATABASE_URL": machinery.env["AUDIT_DATABASE_URL"]},
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout
    assert "each where it was put" in verified.stdout
