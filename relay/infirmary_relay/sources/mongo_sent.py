"""Whether what was sent last still stands in the database: one that is restored under a running relay loses it.

The driver reconnects by itself, so nothing else would tell.
"""

from infirmary_relay.message import Key
from infirmary_relay.sources.mongo_entries import name_of, value_of
from infirmary_relay.sources.mongo_lease import Documents
from infirmary_relay.sources.source import SourceLostError

_LOOK_S = 3.0


class LastSent:
    """The last document of which messages were sent and deleted; times are seconds of one monotonic clock."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._document: Key = None
        self._next_look = 0.0

    def note(self, document: Key) -> None:
        """Notes that messages of a document were sent."""
        self._document = document

    def look(self, now: float) -> None:
        """Looks now and then whether the document is still there.

        Raises:
            SourceLostError: It is not; the relay has to begin anew.
        """
        if self._document is None or now < self._next_look:
            return
        self._next_look = now + _LOOK_S
        value = value_of(self._document)
        if self._documents.find_one({"_id": value}, {"_id": True}) is None:
            raise SourceLostError(f"MongoDB: {name_of(value)} is gone, although its messages were sent: beginning anew")
