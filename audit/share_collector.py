"""Looks at one client's share of a hospital that is in use: what others do meanwhile is none of its business."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar
from uuid import UUID

from psycopg.errors import UndefinedTable

from audit.addresses import services_in
from audit.client import Client
from audit.collector import NotAtRest, OnLook, until_at_rest
from audit.database_state import DATABASE_ERRORS
from audit.facts import DatabaseState, Facts
from audit.fetching import get_all, named
from audit.hospital import HOSPITAL
from audit.ledger import Ledger
from audit.quiescence import Look
from audit.reads import reads_of
from audit.share import Logs, as_if_alone, recounted, subjects_of, without_record
from audit.share_database_state import read_share

V = TypeVar("V")

Listed = Callable[[UUID], list[V]]


class ShareCollector:
    """Whoever has the keys to the APIs and the databases, and hears the logs from the client itself."""

    def __init__(
        self, env: Mapping[str, str], client: Client, mark: str, ledger: Ledger, heard: Callable[[], Logs]
    ) -> None:
        """Prepares the collector.

        Args:
            env: `PATIENT_DATABASE_URL` and so on.
            client: Of the APIs.
            mark: How the share's correlation ids begin.
            ledger: What the client was told.
            heard: Returns the share's messages, by their logs' stems, as they were read from the logs so far.
        """
        self._client, self._ledger, self._heard = client, ledger, heard
        self._addresses = services_in(env, always=HOSPITAL)
        self._readers = {name: partial(read_share, each, mark) for name, each in self._addresses.items()}

    def await_quiescence(self, timeout_s: float, on_look: OnLook = lambda _still_open: None) -> float:
        """Waits until nothing of the share is under way any more; returns how long that took, in seconds.

        Raises:
            NotAtRest: Something was still to happen then.
        """
        return until_at_rest(self.look, timeout_s, on_look)

    def look(self) -> Look:
        """Takes a look; what is away just now is named and not waited for."""
        logs, databases, away = self._read()
        given_out = {stem: sum(last.values()) for each in databases.values() for stem, last in each.given.items()}
        return Look(databases, given_out, logs, away)

    def facts(self) -> Facts:
        """Collects everything about the share, at rest: what exists is known from it and from what the client was told.

        Raises:
            NotAtRest: A database is away.
        """
        logs, databases, away = self._read()
        if away:
            raise NotAtRest(0, away)
        client, ledger = self._client, self._ledger
        patients = set(ledger.names) | {UUID(each) for each in named(logs["patient"], "patient_id")}
        codes = ledger.medications | named(logs["inventory"], "medication_code")
        wards = set(ledger.beds) | named(logs["ward"], "ward_id")
        admissions = set(ledger.admissions) | {saga.saga_id for saga in databases["admission"].sagas}
        return Facts(
            databases=databases,
            logs=logs,
            reads=reads_of(self._addresses.values()),
            patients=get_all(patients, client.patient),
            medications=get_all(codes, client.medication),
            prescriptions={each.prescription_id: each for each in _listed(patients, client.prescriptions)},
            accounts=get_all(patients, client.account),
            wards=get_all(wards, client.ward),
            lab_results={each.lab_result_id: each for each in _listed(patients, client.lab_results)},
            notifications=_listed(patients, client.notifications),
            admissions=get_all(admissions, client.admission),
            charts=get_all(patients, client.chart),
        )

    def _read(self) -> tuple[Logs, dict[str, DatabaseState], list[str]]:
        heard = without_record(self._heard())
        subjects = subjects_of(heard, self._ledger)
        databases: dict[str, DatabaseState] = {}
        away: list[str] = []
        for service, read in self._readers.items():
            try:
                databases[service] = as_if_alone(read(heard, subjects), heard)
            except UndefinedTable:
                if service in HOSPITAL:
                    raise
                # A stranger's service that keeps none of our tables has no part in any message.
            except DATABASE_ERRORS as error:
                away.append(f"{service}: cannot be looked at: {error}")
        return recounted(heard), databases, away


def _listed(patients: Iterable[UUID], request: Listed[V]) -> list[V]:
    return [item for items in get_all(patients, request).values() for item in items]
