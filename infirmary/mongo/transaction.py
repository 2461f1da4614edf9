"""A transaction of MongoDB: one document with the messages that tell about it, in one write."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from infirmary.mongo import outbox
from infirmary.tracing.causation import causation_of
from infirmary.transport.message_writer import MessageWriter
from infirmary.transport.write_options import DEFAULTS, WriteOptions


class MongoTransaction(MessageWriter):
    """What one message causes. Nothing is written before the commit, and then everything in one document.

    Attributes:
        message_id: The id of the message that causes it, and so the id of the document.
    """

    def __init__(
        self,
        service: str,
        message_id: UUID,
        options: WriteOptions = DEFAULTS,
    ) -> None:
        super().__init__(service, causation_of(None, None, None, tracer=options.tracer), options)
        self.message_id = message_id
        self._document: dict[str, Any] = {}

    def insert(self, document: Mapping[str, Any]) -> None:
        """Remembers the document; written at the commit.

        Raises:
            RuntimeError: There is one already, and a second would be a second write.
        """
        if self._document:
            raise RuntimeError("a message causes one document: a second one could not be written together with it")
        self._document = dict(document)

    @property
    def has_effect(self) -> bool:
        """Whether anything is to be written."""
        return bool(self._document or self.messages)

    def document(self, counted: Mapping[str, int] | None = None, **of_the_library: object) -> dict[str, Any]:
        """Returns the document with its cause and its messages.

        Args:
            counted: How many messages were numbered before, by what they are counted under.
            of_the_library: Further fields, for example what was answered to a saga.
        """
        told = outbox.fields(self.messages, counted or {})
        return {"_id": self.message_id, **self._document, **of_the_library, **told}
