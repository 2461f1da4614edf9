"""Looks at a hospital from outside: waits until it is at rest, and collects the facts that the checks judge."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from audit.addresses import services_in
from audit.client import Client
from audit.database_state import DATABASE_ERRORS, StateReader
from audit.facts import DatabaseState, Facts, Record, Unseen
from audit.fetching import fetched
from audit.hospital import HOSPITAL
from audit.ledger import Ledger
from audit.log_messages import what_checks_ask
from audit.log_parts import parsed
from audit.logs import LogTail
from audit.quiescence import Look, still_open
from audit.reads import logs_of, reads_of
from audit.record import KEEPER, read_record
from audit.unseen import about_databases, about_logs, without_address

LOOK_EVERY_S = 0.2
QUIET_LOG_S = 0.05
END_OF_LOG_S = 0.5
"""After that long a silence a broker that has years of messages to send has sent them."""

OnLook = Callable[[list[str]], None]


class NotAtRest(RuntimeError):
    """The hospital did not come to rest in time; `still_open` says what was still to happen."""

    def __init__(self, timeout_s: float, still_open: list[str]) -> None:
        super().__init__(f"not at rest after {timeout_s:.0f} s:\n  " + "\n  ".join(still_open))
        self.still_open = still_open


def until_at_rest(look: Callable[[], Look], timeout_s: float, on_look: OnLook = lambda _still_open: None) -> float:
    """Looks until nothing is under way any more, twice in a row, and returns how long that took, in seconds.

    Args:
        look: Takes a look.
        timeout_s: How long to go on.
        on_look: Gets what is still open after each look.

    Raises:
        NotAtRest: Something was still to happen then.
    """
    begun_at = time.monotonic()
    quiet_at: dict[str, int] | None = None
    while True:
        seen = look()
        left = still_open(seen)
        on_look(left)
        ends = {stem: len(messages) for stem, messages in seen.logs.items()}
        if not left and quiet_at == ends:
            return time.monotonic() - begun_at
        quiet_at = None if left else ends
        if time.monotonic() - begun_at > timeout_s:
            raise NotAtRest(timeout_s, left or ["the logs were still growing"])
        time.sleep(LOOK_EVERY_S)


class Collector:
    """Whoever has all keys: to the APIs, the databases and the broker."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Prepares the collector.

        Args:
            env: What `infirmary.env` holds: `PATIENT_URL`, `PATIENT_DATABASE_URL` and so on, and `RABBITMQ_URL`. Every
                service that it names is looked at.

        Raises:
            ValueError: It names no broker.
        """
        if not env.get("RABBITMQ_URL"):
            raise ValueError("RABBITMQ_URL: is missing; it should lead to the hospital's broker")
        self.addresses = services_in(env, always=HOSPITAL)
        self.client = Client(env)
        ca_file = env.get("RABBITMQ_CA_FILE")
        self.logs = LogTail(
            env["RABBITMQ_URL"],
            logs_of(self.addresses),
            ca_file=Path(ca_file) if ca_file else None,
            kept=what_checks_ask,
        )
        self._readers = {name: StateReader(each) for name, each in self.addresses.items() if each.database_url}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.disconnect()

    def disconnect(self) -> None:
        """Ends the connections to servers that may go away before the next look, which connects anew.

        What was read of the logs stays: the next look reads only what is new.
        """
        self.logs.close()
        for reader in self._readers.values():
            reader.close()

    def await_quiescence(
        self,
        timeout_s: float,
        on_look: OnLook = lambda _still_open: None,
        on_progress: Callable[[int], None] = lambda _left: None,
    ) -> float:
        """Reads all logs, then waits until nothing is under way any more, seen twice in a row.

        Returns how long the waiting took, in seconds.

        Args:
            timeout_s: How long to wait once everything is read.
            on_look: Gets what is still open after each look.
            on_progress: Gets how many messages are left to read, at least.

        Raises:
            NotAtRest: Something was still to happen then.
        """
        self._read_databases(full=False)  # they tell of further logs
        # What a hospital has behind it is no unrest, and takes as long as it takes.
        self.logs.catch_up(END_OF_LOG_S, on_progress)
        return until_at_rest(self.look, timeout_s, on_look)

    def look(self) -> Look:
        """Takes a quick look; what is away just now is named and not waited for."""
        databases, away = self._read_databases(full=False)
        if not self.logs.read(QUIET_LOG_S):
            away.append(_broker_is_away())
        given_out: dict[str, int] = {}
        for service in databases:
            given_out |= self._readers[service].given_out
        return Look(databases, given_out, self.logs.messages, [str(each) for each in away])

    def facts(self, ledger: Ledger) -> Facts:
        """Collects everything about a hospital at rest, and what could not be looked at.

        What exists is known from the logs, the sagas and the lists of the services, and from what a client was told.
        """
        databases, away = self._read_databases(full=True)
        if not self.logs.read(QUIET_LOG_S):
            away.append(_broker_is_away())
        logs = {stem: tuple(messages) for stem, messages in self.logs.messages.items()}
        on_record, unread = self._read_record()
        found = Facts(
            databases=databases,
            logs=logs,
            reads=reads_of(self.addresses.values()),
            record=on_record,
            unseen=[
                *without_address(self.addresses.values()),
                *away,
                *unread,
                *about_logs(logs, self.logs.unreadable),
                *about_databases(databases),
            ],
        )
        return fetched(found, ledger, self.client)

    def _read_databases(self, *, full: bool) -> tuple[dict[str, DatabaseState], list[Unseen]]:
        databases: dict[str, DatabaseState] = {}
        away: list[Unseen] = []
        for service, reader in self._readers.items():
            try:
                databases[service] = reader.read(full=full)
            except (*DATABASE_ERRORS, OSError, ValueError) as error:
                reader.close()
                away.append(Unseen(service, "database", f"cannot be looked at: {str(error).strip()}"))
                continue
            self.logs.follow_also(parsed(log)[0] for log in (*databases[service].writes, *databases[service].readers))
        return databases, away

    def _read_record(self) -> tuple[Record | None, list[Unseen]]:
        keeper = self.addresses[KEEPER]
        if keeper.database_url is None:
            return None, []  # it is said already that its address is missing
        try:
            return read_record(keeper), []
        except DATABASE_ERRORS as error:
            return None, [Unseen(KEEPER, "record", f"cannot be read: {str(error).strip()}")]


def _broker_is_away() -> Unseen:
    return Unseen("RabbitMQ", "all logs", "the broker is away")
