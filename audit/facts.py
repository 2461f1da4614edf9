"""What was found in a hospital at rest: the input of the checks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.hospital import READS
from audit.responses import (
    AccountResponse,
    AdmissionResponse,
    ChartResponse,
    LabResultResponse,
    MedicationResponse,
    NotificationResponse,
    PatientResponse,
    PrescriptionResponse,
    WardResponse,
)


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A message in a log: an event, a command or a reply.

    Attributes:
        offset: Its place in its part of the log.
        part: Which part that is; 0 where the log is not split.
        at: When it was written, by the publisher's clock.
    """

    offset: int
    message_id: UUID
    source: str
    type: str
    subject: str
    sequence: int | None
    correlation_id: str | None = None
    at: datetime | None = None
    part: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A message that a service could not apply (`error` is set) or that waits for the one before it."""

    channel: str
    subject: str | None
    type: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class SagaFact:
    """A saga as its orchestrator stores it; `steps` holds each step's state by its name."""

    saga_id: UUID
    name: str
    status: str
    reason: str | None
    steps: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What one service's database says about its messages.

    Attributes:
        outbox: How many messages have not left yet.
        held: Messages that are parked or wait.
        readers: The last offset applied, by log; None before the first message.
        writes: The logs that it says it writes.
        given: The last sequence given out, by stem and subject. Empty where it is kept otherwise (MongoDB).
        applied: The last sequence applied, by stem and subject.
        absent: Which tables it does not have.
        relays: How many relays have shown themselves lately, or None where they do not.
    """

    outbox: int = 0
    held: Sequence[HeldMessage] = ()
    readers: Mapping[str, int | None] = field(default_factory=dict)
    writes: Sequence[str] = ()
    given: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    applied: Mapping[tuple[str, str], int] = field(default_factory=dict)
    sagas: Sequence[SagaFact] = ()
    absent: Sequence[str] = ()
    relays: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What the record of access says.

    Attributes:
        made: How many things each service was asked to make and has made, by the service and the patient.
        shown: How many questions each service has answered, by the service and the correlation id.
        broken_at: The first position at which the chain does not hold; None where it holds.
    """

    made: Mapping[tuple[str, UUID], int]
    shown: Mapping[tuple[str, str], int] = field(default_factory=dict)
    broken_at: int | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that was not looked at.

    Attributes:
        service: Whose it is.
        what: `database`, `API`, a log's name, `tables` or `relay`.
        why: The reason, and where there is one the remedy.
        hides: Whether a rule may be broken there, and nobody would know.
    """

    service: str
    what: str
    why: str
    hides: bool = True

    def __str__(self) -> str:
        return f"{self.service}, {self.what}: {self.why}"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the checks look at.

    Attributes:
        databases: By service.
        logs: All messages of each log, by its stem, in the order of each of the log's parts.
        reads: The stems of the logs that each service has to read at least.
        unseen: What was not looked at.
        at: When that was, in unix time.
        record: Who did what; None where it was not looked at, or nobody keeps it.
    """

    databases: Mapping[str, DatabaseState] = field(default_factory=dict)
    logs: Mapping[str, Sequence[LogMessage]] = field(default_factory=dict)
    reads: Mapping[str, Sequence[str]] = field(default_factory=lambda: READS)
    unseen: Sequence[Unseen] = ()
    at: float = field(default_factory=time.time)
    record: Record | None = None
    patients: Mapping[UUID, PatientResponse] = field(default_factory=dict)
    medications: Mapping[str, MedicationResponse] = field(default_factory=dict)
    prescriptions: Mapping[UUID, PrescriptionResponse] = field(default_factory=dict)
    accounts: Mapping[UUID, AccountResponse] = field(default_factory=dict)
    wards: Mapping[str, WardResponse] = field(default_factory=dict)
    lab_results: Mapping[UUID, LabResultResponse] = field(default_factory=dict)
    notifications: Sequence[NotificationResponse] = ()
    admissions: Mapping[UUID, AdmissionResponse] = field(default_factory=dict)
    charts: Mapping[UUID, ChartResponse] = field(default_factory=dict)

    def erased(self) -> set[UUID]:
        """Returns the patients whose names are to be found nowhere any more."""
        told = (each for each in self.logs.get("patient", ()) if each.type == "PatientErased")
        return {UUID(str(each.body["patient_id"])) for each in told}

    def discharged(self) -> set[UUID]:
        """Returns the admissions whose patients have gone home."""
        return {
            admission_id
            for message in self.logs.get("patient", ())
            if message.type == "PatientDischarged"
            for admission_id in ids_in(message, "admission_id")
        }


def ids_in(message: LogMessage, field: str) -> list[UUID]:
    """Returns the id in a field of a message's body, if there is one."""
    try:
        return [UUID(message.body[field])]
    except (KeyError, ValueError, AttributeError, TypeError):
        return []
