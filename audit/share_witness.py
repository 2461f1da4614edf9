"""Looks at one client's share of a hospital that is in use: what others do meanwhile is none of its business."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar
from uuid import UUID

from psycopg.errors import UndefinedTable

from audit.addresses import services_in
from audit.answered import ask_all, named
from audit.databases import DATABASE_ERRORS
from audit.facts import Books, Facts
from audit.hospital import HOSPITAL
from audit.ledger import Ledger
from audit.questions import Questions
from audit.reads import reads_of
from audit.settling import Look
from audit.share import Logs, as_if_alone, recounted, subjects_of
from audit.share_books import read_share
from audit.witness import NotAtRest, OnLook, until_at_rest

V = TypeVar("V")

Listed = Callable[[UUID], list[V]]


class ShareWitness:
    """Whoever has the keys to the APIs and the databases, and hears the logs from the client itself."""

    def __init__(
        self, env: Mapping[str, str], questions: Questions, mark: str, ledger: Ledger, heard: Callable[[], Logs]
    ) -> None:
        """Prepares the witness.

        Args:
            env: `PATIENT_DATABASE_URL` and so on.
            questions: To the APIs.
            mark: How the share's correlation ids begin.
            ledger: What the client was told.
            heard: Returns the share's messages, by their logs' stems, as they were read from the logs so far.
        """
        self._questions, self._ledger, self._heard = questions, ledger, heard
        self._addresses = services_in(env, always=HOSPITAL)
        self._readers = {name: partial(read_share, each, mark) for name, each in self._addresses.items()}

    def settle(self, timeout_s: float, on_look: OnLook = lambda _still_open: None) -> float:
        """Waits until nothing of the share is under way any more; returns how long that took, in seconds.

        Raises:
            NotAtRest: Something was still to happen then.
        """
        return until_at_rest(self.look, timeout_s, on_look)

    def look(self) -> Look:
        """Takes a look; what is away just now is named and not waited for."""
        logs, books, away = self._read()
        given_out = {stem: sum(last.values()) for each in books.values() for stem, last in each.given.items()}
        return Look(books, given_out, logs, away)

    def facts(self) -> Facts:
        """Collects everything about the share, at rest: what exists is known from it and from what the client was told.

        Raises:
            NotAtRest: A database is away.
        """
        logs, books, away = self._read()
        if away:
            raise NotAtRest(0, away)
        ask, ledger = self._questions, self._ledger
        patients = set(ledger.names) | {UUID(each) for each in named(logs["patient"], "patient_id")}
        codes = ledger.medications | named(logs["inventory"], "medication_code")
        wards = set(ledger.beds) | named(logs["ward"], "ward_id")
        admissions = set(ledger.admissions) | {saga.saga_id for saga in books["admission"].sagas}
        return Facts(
            books=books,
            logs=logs,
            reads=reads_of(self._addresses.values()),
            patients=ask_all(patients, ask.patient),
            medications=ask_all(codes, ask.medication),
            prescriptions={each.prescription_id: each for each in _listed(patients, ask.prescriptions)},
            accounts=ask_all(patients, ask.account),
            wards=ask_all(wards, ask.ward),
            lab_results={each.lab_result_id: each for each in _listed(patients, ask.lab_results)},
            notifications=_listed(patients, ask.notifications),
            admissions=ask_all(admissions, ask.admission),
            charts=ask_all(patients, ask.chart),
        )

    def _read(self) -> tuple[Logs, dict[str, Books], list[str]]:
        heard = self._heard()
        subjects = subjects_of(heard, self._ledger)
        books: dict[str, Books] = {}
        away: list[str] = []
        for service, read in self._readers.items():
            try:
                books[service] = as_if_alone(read(heard, subjects), heard)
            except UndefinedTable:
                if service in HOSPITAL:
                    raise
                # A stranger's service that keeps none of our tables has no part in any message.
            except DATABASE_ERRORS as error:
                away.append(f"{service}: cannot be looked at: {error}")
        return recounted(heard), books, away


def _listed(patients: Iterable[UUID], question: Listed[V]) -> list[V]:
    return [item for items in ask_all(patients, question).values() for item in items]
