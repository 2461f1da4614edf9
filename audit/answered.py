"""Asks the hospital's own services for everything that its rules speak of."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import httpx

from audit.facts import Facts, LogMessage, Unseen, ids_in
from audit.ledger import Ledger
from audit.questions import Questions, Refusal, Unanswered

K = TypeVar("K")
V = TypeVar("V")

QUESTIONS_AT_ONCE = 6


def answered(facts: Facts, ledger: Ledger, ask: Questions) -> Facts:
    """Returns facts with the answers of all services; whoever does not answer is among what was not seen."""
    logs, unseen = facts.logs, list(facts.unseen)

    def asked(service: str, question: Callable[[], V], otherwise: V) -> V:
        if not ask.knows(service):
            return otherwise  # it is said already that its address is missing
        try:
            return question()
        except (Unanswered, Refusal) as silence:
            unseen.append(Unseen(service, "API", str(silence)))
            return otherwise

    patients = set(ledger.names) | {
        each for message in logs.get("patient", ()) for each in ids_in(message, "patient_id")
    }
    codes = ledger.medications | named(logs.get("inventory", ()), "medication_code")
    wards = set(ledger.beds) | named(logs.get("ward", ()), "ward_id")
    sagas = facts.books["admission"].sagas if "admission" in facts.books else ()
    admissions = set(ledger.admissions) | {saga.saga_id for saga in sagas}
    found = replace(
        facts,
        patients=asked("patient", lambda: ask_all(patients, ask.patient), {}),
        medications=asked("inventory", lambda: ask_all(codes, ask.medication), {}),
        prescriptions=_by_id(asked("prescription", ask.prescriptions, []), "prescription_id"),
        accounts=asked("billing", lambda: ask_all(patients, ask.account), {}),
        wards=asked("ward", lambda: ask_all(wards, ask.ward), {}),
        lab_results=_by_id(asked("lab", ask.lab_results, []), "lab_result_id"),
        notifications=asked("notification", ask.notifications, []),
        admissions=asked("admission", lambda: ask_all(admissions, ask.admission), {}),
        charts=asked("chart", lambda: ask_all(patients, ask.chart), {}),
    )
    return replace(found, unseen=unseen)


def named(messages: Iterable[LogMessage], field: str) -> set[str]:
    """Returns what messages name in a field of their bodies."""
    return {str(message.body[field]) for message in messages if field in message.body}


def ask_all(keys: Iterable[K], question: Callable[[K], V]) -> dict[K, V]:
    """Returns the answers by key; what does not exist is left out, and is the checks' business."""

    def ask(key: K) -> tuple[K, V | None]:
        try:
            return key, question(key)
        except Refusal as refusal:
            if refusal.status != httpx.codes.NOT_FOUND:
                raise
            return key, None

    with ThreadPoolExecutor(QUESTIONS_AT_ONCE) as pool:
        return {key: answer for key, answer in pool.map(ask, keys) if answer is not None}


def _by_id(found: Sequence[V], name: str) -> dict[UUID, V]:
    return {getattr(each, name): each for each in found}
