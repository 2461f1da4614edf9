"""A small service that counts what it is told, and what a test asks of its database."""

import json
import math
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.ends import Beginnings
from infirmary.consumer.parked import ParkedMessages
from infirmary.consumer.position import Position
from infirmary.consumer.session import Session
from infirmary.consumer.store import Store
from infirmary.housekeeping import Chore
from infirmary.identifiers import new_id
from infirmary.messages import Command, Message, encode
from infirmary.settings import Settings
from tests.integration.consumer.messages import COMMANDS, LOG, SERVICE, Add, Faults, Noticed, Told
from tests.integration.reading import brokers
from tests.spans import Spans

NOW = timedelta(0)
DAY_S = 86_400.0


class Row(NamedTuple):
    """A message in the outbox."""

    target: str
    type: str
    subject: str
    sequence: int
    body: dict[str, Any]


class Counting(ABC):
    """The service with a database of its own, and as much of a consumer as a test needs.

    Attributes:
        cli_service: By which name the operator's commands know such a database.
        spans: What it has told in sampled traces.
        reading_port: Where its logs are read by the stream protocol; 0 to read them by AMQP 0-9-1.
    """

    cli_service: ClassVar[str]

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self.settings, self.faults = settings, faults
        self.spans = Spans()
        self.reading_port = 0
        self._offsets, self._tags, self._asked = count(), count(1), Counter[UUID]()
        self.positions = {log: Position(first_offset=0) for log in (LOG, COMMANDS)}
        self.dispatcher = self.make_dispatcher()
        self.take_over()

    @abstractmethod
    def make_dispatcher(self) -> Dispatcher:
        """Makes the service's dispatcher."""

    @abstractmethod
    def open_store(self) -> Store:
        """Opens another connection, as another process would."""

    def take_over(self) -> None:
        """Lets a new process be the reader, whatever has become of the one before."""
        self.store = self.open_store()
        self.applier = self.applier_on(self.store)
        for log in self.positions:
            self.own(log)

    def own(self, log: str) -> None:
        """Makes the process at hand the reader of a log."""
        assert self.store.positions.own(log)
        self.store.positions.read(log)

    def applier_on(self, store: Store) -> Applier:
        """Returns what applies messages on a connection."""
        return Applier(store, self.dispatcher.handles, self.dispatcher.series, self.settings.saga_sequence_days)

    def session(self, rabbitmq_url: str, logs: Sequence[str] = (LOG, COMMANDS)) -> Session:
        """Returns a session of a process of its own."""
        store = self.open_store()
        broker, reads_logs = brokers(rabbitmq_url, self.reading_port)
        return Session(SERVICE, list(logs), store, self.applier_on(store), broker, 100, reads_logs=reads_logs)

    def told(self, counter: str, number: int, sequence: int | None = None, **more: Any) -> Delivery:
        """Returns the delivery of an event; its sequence is its number unless another is given."""
        return self.delivery(Told(counter=counter, number=number), counter, sequence or number, **more)

    def asked(self, command: type[Command], saga_id: UUID, number: int, *, attempt: int = 1, **more: Any) -> Delivery:
        """Returns the delivery of a command, the next one of its saga; `step` names it, unless it is `step`."""
        step = more.pop("step", "step") + ("" if command is Add else ".compensation")
        fields = {"saga_id": saga_id, "step": step, "attempt": attempt, "reply_to": "admission", "number": number}
        self._asked[saga_id] += 1
        return self.delivery(
            command.model_validate(fields), str(saga_id), self._asked[saga_id], **{"source": "admission"} | more
        )

    def noticed(self, track: UUID, number: int, **more: Any) -> Delivery:
        """Returns the delivery of a notice; its sequence is its number."""
        return self.delivery(Noticed(track=track, number=number), str(track), number, **{"source": "admission"} | more)

    def delivery(self, message: Message, subject: str, sequence: int | None, **more: Any) -> Delivery:
        """Returns a delivery as the broker would make it.

        `more` may give source, message_id, type, body, offset, traceparent, state and ends.
        """
        told = {name: more.get(name) for name in ("traceparent", "state", "ends")}
        headers = {"subject": subject, "sequence": sequence, **told}
        properties = {
            "message_id": str(more.get("message_id") or new_id()),
            "app_id": more.get("source", "ward"),
            "type": more.get("type", type(message).__name__),
            "application_headers": {name: value for name, value in headers.items() if value is not None},
        }
        offset = more["offset"] if "offset" in more else next(self._offsets)
        return Delivery(properties, more.get("body", encode(message)), next(self._tags), offset)

    def rubbish(self, **properties: Any) -> Delivery:
        """Returns a delivery that nobody can make sense of."""
        return Delivery(properties, b"\x00rubbish", next(self._tags), next(self._offsets))

    def read(self, *deliveries: Delivery) -> None:
        """Applies a batch of the log of events."""
        self.apply(LOG, *deliveries)

    def take(self, *deliveries: Delivery) -> None:
        """Applies a batch of the log of commands."""
        self.apply(COMMANDS, *deliveries)

    def apply(self, log: str, *deliveries: Delivery) -> None:
        """Applies a batch of a log."""
        position = self.positions.get(log) or self.store.positions.read(log)
        self.positions[log] = self.applier.apply(log, deliveries, position)

    def retry(self, log: str, at_most: int = 100, until: float = math.inf) -> int:
        """Tries what is held and due, once."""
        return self.applier.retry(log, self.positions.get(log) or self.store.positions.read(log), at_most, until)

    def retry_all(self, log: str) -> None:
        """Lets everything that is held be due, as an operator may, and tries it until nothing more is settled."""
        self.make_due()
        while self.retry(log):
            pass

    def held(self) -> list[tuple[str | None, int | None, str]]:
        """Returns (subject, sequence, state) of what is parked or waits, in the order in which it came."""
        return [(each.subject, each.sequence, each.state) for each in self.parked().everything()]

    def errors(self) -> list[str]:
        """Returns the errors of what is parked."""
        return [each.error for each in self.parked().everything() if each.error is not None]

    def replies(self, saga_id: UUID | None = None) -> list[tuple[str, int, str]]:
        """Returns (step, attempt, outcome) of the replies, of one saga or all, in the order of their sequences."""
        rows = [row for row in self.outbox() if row.type == "Reply" and row.subject == str(saga_id or row.subject)]
        in_order = sorted(rows, key=lambda row: (row.subject, row.sequence))
        return [(row.body["step"], row.body["attempt"], row.body["outcome"]) for row in in_order]

    @abstractmethod
    def parked(self) -> ParkedMessages:
        """Returns the held messages, as somebody sees them who is not the consumer."""

    @abstractmethod
    def outbox(self) -> list[Row]:
        """Returns the messages written so far, those of one document or transaction in their order."""

    @abstractmethod
    def numbers(self, counter: object) -> list[int]:
        """Returns by what a counter was changed, in the order in which that was applied."""

    @abstractmethod
    def make_due(self, after: timedelta = NOW) -> None:
        """Lets all that is held and can be read be due, now or later."""

    @abstractmethod
    def note_failures(self, attempts: int) -> None:
        """Lets all that is held have failed so often."""

    @abstractmethod
    def set_first_offset(self, log: str, offset: int) -> None:
        """Notes that a log began at an offset when it was read first."""

    @abstractmethod
    def sequences(self) -> dict[tuple[str, str], int]:
        """Returns the last sequences by what they are kept under and subject."""

    @abstractmethod
    def ended_subjects(self, beginnings: Beginnings, clock: Callable[[], float]) -> Chore:
        """Returns what forgets the numbers of subjects that have ended."""

    def forget_ended(self, days: float, *, log_began: float) -> None:
        """Lets days go by and housekeeping make two passes; the readers of a new process know what it has told them.

        Args:
            days: How many.
            log_began: When the first message was written that a log still holds then, in unix time.
        """
        ended = self.ended_subjects(lambda logs: dict.fromkeys(logs, log_began), lambda: time.time() + days * DAY_S)
        for _ in range(2):
            while ended.some():
                pass
        self.positions[LOG] = self.store.positions.read(LOG)

    @abstractmethod
    def shares(self) -> list[int]:
        """Returns how many logs and parts each reader owns, the smallest share first; who has none does not show."""

    @abstractmethod
    def mark_set_back(self, because: str | None) -> None:
        """Marks the database as set back, as its relay does, or takes the mark away."""

    @abstractmethod
    def passing_error(self) -> Exception:
        """Returns an error of the database that passes by itself."""

    @abstractmethod
    def refuse(self, counter: str) -> None:
        """Lets the database refuse what is caused by a counter's messages."""

    @abstractmethod
    def refuse_answers(self) -> None:
        """Lets the database refuse every answer to a command."""

    @abstractmethod
    def accept(self) -> None:
        """Lets the database take everything again."""

    @abstractmethod
    def end_reader(self, store: Store) -> None:
        """Lets a reader's ownership end without its doing, as when its process was lost."""

    @abstractmethod
    def end_readers(self) -> None:
        """The same of all readers."""

    @abstractmethod
    def forget_everything(self) -> None:
        """Forgets all messages, what they have caused, and how far the logs were read."""

    @abstractmethod
    def close(self) -> None:
        """Ends all connections."""


def contents(body: bytes) -> dict[str, Any]:
    """Returns what a body says."""
    said: dict[str, Any] = json.loads(body)
    return said
