"""Fetches from the hospital's own services everything that its rules speak of."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import httpx

from audit.client import Client, Refusal, Unanswered
from audit.facts import Facts, LogMessage, Unseen, ids_in
from audit.ledger import Ledger

K = TypeVar("K")
V = TypeVar("V")

REQUESTS_AT_ONCE = 6


def fetched(facts: Facts, ledger: Ledger, client: Client) -> Facts:
    """Returns facts with the responses of all services; whoever does not respond is among what was not seen."""
    logs, unseen = facts.logs, list(facts.unseen)

    def asked(service: str, request: Callable[[], V], otherwise: V) -> V:
        if not client.knows(service):
            return otherwise  # it is said already that its address is missing
        try:
            return request()
        except (Unanswered, Refusal) as silence:
            unseen.append(Unseen(service, "API", str(silence)))
            return otherwise

    patients = set(ledger.names) | {
        each for message in logs.get("patient", ()) for each in ids_in(message, "patient_id")
    }
    codes = ledger.medications | named(logs.get("inventory", ()), "medication_code")
    wards = set(ledger.beds) | named(logs.get("ward", ()), "ward_id")
    sagas = facts.databases["admission"].sagas if "admission" in facts.databases else ()
    admissions = set(ledger.admissions) | {saga.saga_id for saga in sagas}
    found = replace(
        facts,
        patients=asked("patient", lambda: get_all(patients, client.patient), {}),
        medications=asked("inventory", lambda: get_all(codes, client.medication), {}),
        prescriptions=_by_id(asked("prescription", client.prescriptions, []), "prescription_id"),
        accounts=asked("billing", lambda: get_all(patients, client.account), {}),
        wards=asked("ward", lambda: get_all(wards, client.ward), {}),
        lab_results=_by_id(asked("lab", client.lab_results, []), "lab_result_id"),
        notifications=asked("notification", client.notifications, []),
        admissions=asked("admission", lambda: get_all(admissions, client.admission), {}),
        charts=asked("chart", lambda: get_all(patients, client.chart), {}),
    )
    return replace(found, unseen=unseen)


def named(messages: Iterable[LogMessage], field: str) -> set[str]:
    """Returns what messages name in a field of their bodies."""
    return {str(message.body[field]) for message in messages if field in message.body}


def get_all(keys: Iterable[K], request: Callable[[K], V]) -> dict[K, V]:
    """Returns the responses by key; what does not exist is left out, and is the checks' business."""

    def get(key: K) -> tuple[K, V | None]:
        try:
            return key, request(key)
        except Refusal as refusal:
            if refusal.status not in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
                raise
            return key, None

    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return {key: response for key, response in pool.map(get, keys) if response is not None}


def _by_id(found: Sequence[V], name: str) -> dict[UUID, V]:
    return {getattr(each, name): each for each in found}
