"""What happened in a run, as it was recorded: the input of the checker beside the final databases and logs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault that was injected.

    Attributes:
        fault: The fault's name.
        what: What exactly was done, and to whom.
        began_s: When, in seconds since the beginning of the run.
        healed_s: When it was healed.
    """

    fault: str
    what: str
    began_s: float
    healed_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at all outboxes.

    Attributes:
        at_s: When, in seconds since the beginning of the run.
        oldest_s: When the oldest message was written that still waits in any outbox; None when nothing waits.
        seen: Whether every outbox could be looked at.
    """

    at_s: float
    oldest_s: float | None = None
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Applied:
    """A message as a consumer applied it, noted in the transaction of the effects.

    Attributes:
        log: The stem of the log from which it came.
        sequence: None only of what an inbox queue of the release before has held.
    """

    log: str
    source: str
    subject: str
    sequence: int | None
    message_id: UUID


@dataclass(frozen=True, slots=True)
class InLog:
    """A message as it stands in a log.

    Attributes:
        injected: Whether the nemesis put it there, and not a relay.
    """

    offset: int
    message_id: UUID
    subject: str
    sequence: int
    injected: bool = False


@dataclass
class History:
    """Everything that was recorded.

    Attributes:
        operations: How often each thing was done by a client and acknowledged.
        applied: What each service's consumer has applied, in the order of its commits.
        logs: The messages of each log that carry a sequence, by its stem, in the log's order.
        given: The last sequence that was given out, by the log's stem and the subject.
        reads: The stems of the logs that each observed service reads.
    """

    injected: list[InjectedFault] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    operations: Counter[str] = field(default_factory=Counter)
    applied: Mapping[str, Sequence[Applied]] = field(default_factory=dict)
    logs: Mapping[str, Sequence[InLog]] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    reads: Mapping[str, Sequence[str]] = field(default_factory=dict)
