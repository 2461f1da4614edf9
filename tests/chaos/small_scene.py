"""One service on real servers, and the checker's whole view of it: enough to show one fault in seconds."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from audit.addresses import Address
from audit.checks import messaging
from audit.database_state import StateReader, by_log
from audit.facts import Facts, LogMessage
from audit.ledger import Ledger
from audit.log_parts import name_of
from audit.logs import LogTail
from local.ports import free_port
from local.process import Process
from local.rundir import REPOSITORY
from tests.chaos.broker_side import BrokerSide
from tests.chaos.checker.finding import Column, Finding
from tests.chaos.checker.verdict import COLUMNS, of_history
from tests.chaos.client.writer import Writer
from tests.chaos.clocks import Clocks
from tests.chaos.history import History
from tests.chaos.nemesis.post import Post
from tests.chaos.observed import create_history, read_history
from tests.chaos.proxy import Proxy
from tests.chaos.recorded import in_log
from tests.eventually import eventually

SERVICE, PUBLISHER = "ward", "patient"
"""Whose processes run, and whose events they read."""

COMMANDS, REPLIES = f"admission.to.{SERVICE}", f"{SERVICE}.to.admission"
"""Where they get commands, and answer."""

BATCH_ROWS, WINDOWS = 5, 2


@dataclass
class SmallScene:
    """The ward's database and logs, and the processes of it that a test starts.

    Attributes:
        database_url: A fresh database of the service.
        rabbitmq_url: Of the broker's administrator.
        proxy: In front of the listener by which logs go: that of the stream protocol, or AMQP's.
        folder: For logs.
        service: Whose database it is.
        clocks: Gives every process a clock of its own, by its name.
        side: Which of the two that is.
        sent: The last sequence of each subject that the test has put into a log, by the log's stem.
    """

    database_url: str
    rabbitmq_url: str
    proxy: Proxy
    folder: Path
    service: str = SERVICE
    clocks: Clocks | None = None
    side: BrokerSide = BrokerSide.STREAMS
    sent: dict[str, dict[str, int]] = field(default_factory=lambda: {PUBLISHER: {}, COMMANDS: {}})
    _processes: list[Process] = field(default_factory=list)

    def move_to(self, service: str, database_url: str) -> None:
        """Plays the scene in another service that reads the same log; before any process is started."""
        create_history(database_url)
        with self.post() as post:
            post.disown(service)
        self.service, self.database_url = service, database_url

    def start_relay(self, bug: str | None = None, **settings: str) -> Process:
        """Starts a relay of the service behind the proxy, with a bug planted if one is named."""
        return self._start(bug, ["relay", self.service], RELAY_BATCH_ROWS=str(BATCH_ROWS), **settings)

    def start_consumer(self, bug: str | None = None, **settings: str) -> Process:
        """Starts a consumer of the service behind the proxy, with a bug planted if one is named."""
        return self._start(bug, ["services", self.service, "consumer"], **settings)

    def frozen(self, process: Process, point: Path) -> None:
        """Waits until a process has come to its crash point, and kills it there."""
        eventually(point.exists, because=f"{process.name} comes to its crash point", within_s=30)
        process.kill()

    def writer(self) -> Writer:
        """Opens a session that writes into the service's outbox."""
        return Writer(self.database_url, SERVICE)

    def post(self) -> Post:
        """Opens a connection that bypasses the proxy."""
        return Post(self.rabbitmq_url)

    def told(self, post: Post, subject: str, *sequences: int) -> None:
        """Puts events into the log that the service reads."""
        for sequence in sequences:
            post.event(PUBLISHER, subject, sequence)
            self._note(PUBLISHER, subject, sequence)

    def asked(
        self, post: Post, command: Mapping[str, object], sequence: int = 1, message_id: UUID | None = None
    ) -> None:
        """Puts a command for a bed into the log of commands that the service reads."""
        saga_id = str(command["saga_id"])
        post.command(COMMANDS, "ReserveBed", saga_id, sequence, command, message_id)
        self._note(COMMANDS, saga_id, sequence)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Looks into the database."""
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def waiting(self) -> int:
        """Returns how many messages are in the outbox."""
        return int(self.rows("SELECT count(*) FROM outbox")[0][0])

    def in_own_log(self) -> int:
        """Returns how many messages the service's log holds."""
        return len(self._log(SERVICE))

    def has_read(self, stem: str = PUBLISHER) -> bool:
        """Says whether the consumer has read a log to its end."""
        messages = self._log(stem)
        offsets = self.rows(f"SELECT last_offset FROM log_reader WHERE log = '{name_of(stem, 0)}'")
        return bool(messages) and offsets == [(messages[-1].offset,)]

    def history(self) -> History:
        """Returns what was recorded, in the checker's form."""
        given = by_log(SERVICE, dict(self.rows("SELECT subject, last FROM outbox_sequence")))
        return History(
            applied={SERVICE: read_history(self.database_url)},
            logs={stem: in_log(self._log(stem)) for stem in (SERVICE, REPLIES, PUBLISHER, COMMANDS)},
            given={**given, **self.sent},
            reads={SERVICE: [PUBLISHER, COMMANDS]},
        )

    def findings(self) -> list[Finding]:
        """Returns what the checker finds wrong, in the recorded history and in the service's database."""
        reader = StateReader(Address(SERVICE, database_url=self.database_url))
        facts = Facts(databases={SERVICE: reader.read(full=True)})
        reader.close()
        in_database = [*messaging.outboxes_are_empty(facts, Ledger()), *messaging.nothing_is_held(facts, Ledger())]
        return [
            *of_history(self.history(), BATCH_ROWS * WINDOWS),
            *(Finding(COLUMNS[violation.rule], violation) for violation in in_database),
        ]

    def columns(self) -> set[Column]:
        """Returns the columns of the table in which something was found."""
        return {finding.column for finding in self.findings()}

    def close(self) -> None:
        """Ends every process."""
        for process in self._processes:
            process.kill()

    def _note(self, stem: str, subject: str, sequence: int) -> None:
        self.sent[stem][subject] = max(sequence, self.sent[stem].get(subject, 0))

    def _log(self, stem: str) -> list[LogMessage]:
        tail = LogTail(self.rabbitmq_url, [stem])
        eventually(lambda: tail.read(0.2), because="the broker answers")
        tail.close()
        return tail.messages[stem]

    def _start(self, bug: str | None, words: Sequence[str], **settings: str) -> Process:
        module = ["tests.chaos.observed"] if bug is None else ["tests.chaos.planted", bug]
        number = len(self._processes)
        name, command = f"{words[-1]}-{number}", [sys.executable, "-m", *module, *words]
        by_streams = self.side is BrokerSide.STREAMS
        addresses = {
            "DATABASE_URL": self.database_url,
            "RABBITMQ_URL": self.rabbitmq_url if by_streams else self.proxy.url(self.rabbitmq_url),
            "RABBITMQ_STREAM_PORT": str(self.proxy.port if by_streams else 0),
            "METRICS_PORT": str(free_port()),
        }
        process = Process(
            name, command if self.clocks is None else self.clocks.command(name, command),
            log_path=self.folder / f"{number}.log",
            environment={**os.environ, **addresses, **settings},
            working_dir=REPOSITORY,
        )  # fmt: skip
        process.start()
        self._processes.append(process)
        return process


def a_bed() -> dict[str, object]:
    """Returns a command for a bed of a ward that does not exist: it is refused, which is an answer, too."""
    ids = {name: str(uuid4()) for name in ("saga_id", "admission_id", "patient_id")}
    return {**ids, "step": "bed", "attempt": 1, "reply_to": "admission", "ward_id": "nowhere"}
