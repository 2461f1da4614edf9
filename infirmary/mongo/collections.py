"""The library's collections in MongoDB with their indexes, for the migration and, as statements, for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Index:
    """An index: its fields, each ascending, and what the server is told besides."""

    keys: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict)


OF_DOCUMENTS: Final = (
    # For the relay: only the documents with messages are in it.
    Index(["outbox_since"], {"sparse": True}),
    # Each answer to a saga has another number. Sparse, and not partial by `$exists`: every server sees that a search
    # for a saga's answers needs no other documents.
    Index(["saga_answer.saga_id", "saga_answer.number"], {"name": "saga_answer", "unique": True, "sparse": True}),
)

OF_CONSUMER: Final = {
    # How far each log has been read, and who reads it, is found by `_id`, the log's name.
    "log_sequence": (Index(["source", "subject"], {"unique": True}), Index(["ended_at"], {"sparse": True})),
    "parked_message": (
        Index(["channel", "message_id"], {"unique": True}),
        Index(["channel", "subject"]),
        Index(["channel", "retry_at"]),
        Index(["channel", "attempts", "retry_at"]),
    ),
}

_ABOUT: Final = """\
// What the library wants of a service's MongoDB database, for mongosh. All writes are of one document.
//
// {collection}: the service's aggregates, in the one collection that its `documents.py` declares as `documents`. Each
//   document has the aggregate's own fields, and of the library
//   _id               UUID of the message that caused it, so that the same message cannot cause it twice
//   outbox            array of {{message_id: UUID, target: string, type: string, subject: string, sequence: long,
//                     header: binary, body: binary, created_at: date}}; the relay removes what is confirmed
//   outbox_partition  int, crc32(subject) mod 64
//   outbox_since      date, while there are messages
//   saga_answer       {{saga_id: UUID, number: int, step: string, outcome: string or null, reason: string or null}}:
//                     what a command was answered; without an outcome it is still to be answered, and then has
//                     the number that a restore had kept for it: instead_of
//   made_from         array of UUID, the events that a restore has made the document again from
{of_documents}

// log_reader: {{_id: <log>, first_offset: long, last_offset: long, last_message_id: UUID, complete_since: date or null,
//   holder: UUID, until: date, lost_messages: long, lost_before: date}}: how far each log has been read, since when
//   nothing of it was lost to the reader, which process holds the lease on it, and what was lost and is not settled;
//   and forgotten_before: date, where ended subjects whose last message was applied before that may be forgotten.
// log_sequence: {{source: string, subject: string, last: long, identified: long, last_message_id: UUID,
//   applied_at: date}}: the last sequence applied per subject; which message had the sequence `identified`, since when.
//   Of a subject that has ended, {{ended: long, ended_at: date}}: with which sequence, and when that was applied.
{log_sequence}

// parked_message: {{_id: UUID, channel: string, source: string, subject: string, type: string, sequence: long,
//   message_id: UUID, properties: object, body: binary, error: string or null, unreadable: bool, attempts: int,
//   retry_at: date, parked_at: date}}: messages that could not be applied, or that wait for one before them.
{parked_message}

// outbox_log: {{_id: <log>}} for each log that the service writes; the migration notes them.
// database_identity: {{_id: "incarnation", id: UUID, set_back_since: date or null, set_back_because: string or null,
//   restored_at: date or null}}: which life of the database this is, whether it was set back; the migration makes it.
// republish: {{_id: <kind>, began_at: date, told_to, aggregates: long, messages: long, done: bool}}: how far state has
//   been told again, while that is under way.
// restore_progress: {{_id: <log>, next_offset: long, found: object, under_way: array of UUID}}: how far a restore
//   has gone through the service's own logs, while that is under way.
// log_sharing, the rest of database_identity and the relay's outbox_lease: made when they are needed.
"""


def statements(collection: str) -> str:
    """Returns what makes the indexes, as mongosh reads it, with the fields in comments.

    Args:
        collection: Where the service's documents are.
    """
    lines = {name: _created(name, indexes) for name, indexes in OF_CONSUMER.items()}
    return _ABOUT.format(collection=collection, of_documents=_created(collection, OF_DOCUMENTS), **lines)


def _created(collection: str, indexes: Sequence[Index]) -> str:
    return "\n".join(
        f"db.getCollection({json.dumps(collection)}).createIndex("
        f"{', '.join(json.dumps(each) for each in (dict.fromkeys(index.keys, 1), index.options) if each)});"
        for index in indexes
    )
