"""Why a relay cannot deliver everything just now: a reason of a closed set for machines, and a text for people."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """What keeps a relay from being ready; each is a value of a metric's label, so there are few, and they stay."""

    STARTING = "starting"
    SOURCE_AWAY = "source_away"
    OUTBOX_UNUSABLE = "outbox_unusable"
    """The database answers and has no outbox as the contract describes it."""
    PARTITIONS_HELD = "partitions_held"
    """Another session keeps partitions that are this relay's."""
    LOCKED = "locked"
    """Another session has the table, or rows that were sent, locked."""
    UNDELETABLE = "undeletable"
    """The database refuses to delete what was sent."""
    SET_BACK = "set_back"
    """The database was set back to an earlier moment: it would give out numbers that the world has seen."""
    BROKER_AWAY = "broker_away"
    BROKER_OF_ANOTHER = "broker_of_another"
    """The virtual host belongs to another database's service of this name."""
    BROKER_BLOCKED = "broker_blocked"
    """The broker takes nothing: memory or disk."""
    TARGET_BLOCKED = "target_blocked"
    SUBJECT_BLOCKED = "subject_blocked"
    STALLED = "stalled"
    """Messages could be delivered, and none has been for too long."""
    LOOP_HANGS = "loop_hangs"


class Problem(NamedTuple):
    """One reason, and what a person should read about it."""

    reason: Reason
    text: str
