"""All that the hospital shows of what people have done, to be compared before a database was set back and after."""

from collections.abc import Iterator, Mapping
from typing import Any

from audit.client import Client
from audit.fetching import get_all
from audit.ledger import Ledger

Documents = Mapping[str, Any]
"""Path to document."""


def shown(ask: Client, ledger: Ledger) -> Documents:
    """Returns the documents of all that was acknowledged; what the hospital does not show is left out."""
    found = get_all(_paths(ledger), lambda at: ask.call(at[0], "GET", at[1]).json())
    return {path: _lasting(document) for (_, path), document in found.items()}


def differences(before: Documents, after: Documents) -> list[str]:
    """Returns what is shown otherwise than before, in words."""
    return [
        f"{path}: was {before.get(path)}, is {after.get(path)}"
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]


def _paths(ledger: Ledger) -> Iterator[tuple[str, str]]:
    for patient_id in ledger.names:
        yield "patient", f"/patients/{patient_id}"
        yield "billing", f"/accounts/{patient_id}"
        yield "notification", f"/notifications?patient_id={patient_id}"
        yield "chart", f"/charts/{patient_id}"
    for code in ledger.medications:
        yield "inventory", f"/medications/{code}"
    for prescription_id in ledger.prescriptions:
        yield "prescription", f"/prescriptions/{prescription_id}"
    for ward_id in ledger.beds:
        yield "ward", f"/wards/{ward_id}"
    for lab_result_id in ledger.lab_results:
        yield "lab", f"/lab-results/{lab_result_id}"
    for admission_id in ledger.admissions:
        yield "admission", f"/admissions/{admission_id}"


def _lasting(document: dict[str, Any]) -> dict[str, Any]:
    """Leaves out when a chart has heard of something, and when a saga has taken a step: it does so again."""
    lasting = {name: value for name, value in document.items() if name != "as_of"}
    if isinstance(lasting.get("admission"), dict):
        lasting["admission"] = {name: value for name, value in lasting["admission"].items() if name != "at"}
    if "steps" in lasting:
        lasting["steps"] = [{"name": step["name"], "state": step["state"]} for step in lasting["steps"]]
    return lasting
