"""Notices of a service whose database is MongoDB, in documents of their own: one for each track.

They stand in the service's collection, where the relay looks, and hold nothing but an outbox.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from pymongo.collection import Collection

from infirmary.messages import Notice
from infirmary.mongo import outbox
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import outgoing
from infirmary.transport.write_options import WriteOptions


class Notices:
    """Counts the numbers of a track in memory: one thread of one process writes it, and gives it up when that fails."""

    def __init__(self, service: str, options: WriteOptions) -> None:
        self._service, self._options = service, options
        self._track: UUID | None = None
        self._last = 0

    def tell(self, collection: Collection[dict[str, Any]], notice: Notice, to: str) -> None:
        """Writes a notice into its track's document.

        A restore asks for the document of a message's cause, and those of tracks come and go: so it names none.

        Raises:
            pymongo.errors.PyMongoError: It is not known whether it was written: its track is to be used no more.
        """
        cause = replace(causation_of(None, None, None, tracer=self._options.tracer), causation_id="")
        options = self._options
        written = outgoing(
            notice, source=self._service, cause=cause, to=to, max_bytes=options.message_max_bytes,
            schema_urn=options.schema_urn,
        )  # fmt: skip
        number = self._last + 1 if notice.track == self._track else 1
        collection.update_one(
            {"_id": notice.track},
            {
                "$push": {"outbox": outbox.row(written, number)},
                "$set": {"outbox_partition": written.partition, "outbox_since": written.created_at},
            },
            upsert=True,
        )
        self._track, self._last = notice.track, number
