"""Looks at a hospital from outside: waits until it is at rest, and collects the facts that the checks judge."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Self, TypeVar
from uuid import UUID

import amqp
import httpx

from audit.databases import DATABASE_ERRORS, BookReader
from audit.facts import Books, Facts, LogMessage
from audit.ledger import Ledger
from audit.logs import LogTail
from audit.questions import API_SERVICES, Questions, Refusal
from audit.settling import Look, still_open

K = TypeVar("K")
V = TypeVar("V")

LOOK_EVERY_S = 0.2
QUIET_LOG_S = 0.05
QUESTIONS_AT_ONCE = 6


class NotAtRest(RuntimeError):
    """The hospital did not come to rest in time; `still_open` says what was still to happen."""

    def __init__(self, timeout_s: float, still_open: list[str]) -> None:
        super().__init__(f"not at rest after {timeout_s:.0f} s:\n  " + "\n  ".join(still_open))
        self.still_open = still_open


class Witness:
    """Whoever has all keys: to the APIs, the databases and the broker."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Prepares the witness.

        Args:
            env: What `infirmary.env` holds: `PATIENT_URL`, `PATIENT_DATABASE_URL` and so on, and `RABBITMQ_URL`.
        """
        self.questions = Questions(env)
        self.logs = LogTail(env["RABBITMQ_URL"])
        self._books = {service: BookReader(env[f"{service.upper()}_DATABASE_URL"]) for service in API_SERVICES}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.questions.close()
        self.logs.close()
        for reader in self._books.values():
            reader.close()

    def settle(self, timeout_s: float, on_look: Callable[[list[str]], None] = lambda _still_open: None) -> float:
        """Waits until nothing is under way any more, seen twice in a row, and returns how long that took, in seconds.

        Args:
            timeout_s: How long to wait.
            on_look: Gets what is still open after each look.

        Raises:
            NotAtRest: Something was still to happen then.
        """
        begun_at = time.monotonic()
        quiet_at: dict[str, int] | None = None
        while True:
            look = self.look()
            left = still_open(look)
            on_look(left)
            ends = {publisher: len(messages) for publisher, messages in look.logs.items()}
            if not left and quiet_at == ends:
                return time.monotonic() - begun_at
            quiet_at = None if left else ends
            if time.monotonic() - begun_at > timeout_s:
                raise NotAtRest(timeout_s, left or ["the logs were still growing"])
            time.sleep(LOOK_EVERY_S)

    def look(self) -> Look:
        """Takes a quick look; what is away just now is named and not waited for."""
        books, away = self._read_books(full=False)
        if not self.logs.read(QUIET_LOG_S):
            away.append("the broker is away")
        given_out = {
            service: reader.given_out
            for service, reader in self._books.items()
            if service in books and reader.given_out is not None
        }
        return Look(books, given_out, self.logs.messages, away)

    def facts(self, ledger: Ledger) -> Facts:
        """Collects everything about a hospital at rest.

        What exists is known from the logs, the sagas and the lists of the services, and from what a client was told.

        Raises:
            NotAtRest: A database or the broker is away.
        """
        books, away = self._read_books(full=True)
        if not self.logs.read(QUIET_LOG_S):
            away.append("the broker is away")
        if away:
            raise NotAtRest(0, away)
        logs = {publisher: tuple(messages) for publisher, messages in self.logs.messages.items()}
        ask = self.questions
        patients = set(ledger.names) | {UUID(each) for each in _named(logs["patient"], "patient_id")}
        codes = ledger.medications | _named(logs["inventory"], "medication_code")
        wards = set(ledger.beds) | _named(logs["ward"], "ward_id")
        admissions = set(ledger.admissions) | {saga.saga_id for saga in books["admission"].sagas}
        return Facts(
            books=books,
            logs=logs,
            patients=_ask_all(patients, ask.patient),
            medications=_ask_all(codes, ask.medication),
            prescriptions={each.prescription_id: each for each in ask.prescriptions()},
            accounts=_ask_all(patients, ask.account),
            wards=_ask_all(wards, ask.ward),
            lab_results={each.lab_result_id: each for each in ask.lab_results()},
            notifications=ask.notifications(),
            admissions=_ask_all(admissions, ask.admission),
            charts=_ask_all(patients, ask.chart),
        )

    def _read_books(self, *, full: bool) -> tuple[dict[str, Books], list[str]]:
        books: dict[str, Books] = {}
        away: list[str] = []
        for service, reader in self._books.items():
            try:
                inbox = self.logs.queue_length(f"{service}.inbox")
                books[service] = replace(reader.read(full=full), inbox=inbox)
            except (*DATABASE_ERRORS, amqp.AMQPError, OSError) as error:
                reader.close()
                away.append(f"{service}: cannot be looked at: {error}")
        return books, away


def _named(messages: Iterable[LogMessage], field: str) -> set[str]:
    return {str(message.body[field]) for message in messages if field in message.body}


def _ask_all(keys: Iterable[K], question: Callable[[K], V]) -> dict[K, V]:
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
