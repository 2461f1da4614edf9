"""A transaction of MongoDB: one document with the messages that tell about it, in one write."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from infirmary.erasing import Personal
from infirmary.mongo import outbox
from infirmary.tracing.causation import causation_of
from infirmary.transport.message_writer import MessageWriter
from infirmary.transport.write_options import DEFAULTS, WriteOptions


class Change(NamedTuple):
    """What is to stand in fields of all documents that a filter finds."""

    wanted: Mapping[str, Any]
    fields: Mapping[str, Any]


class Forgotten(NamedTuple):
    """A person who is to be forgotten, and what stands in which fields from then on."""

    person: UUID
    personal: Personal


class MongoTransaction(MessageWriter):
    """What one message causes. Nothing is written before the commit, and then everything in one document.

    Attributes:
        message_id: The id of the message that causes it, and so the id of the document.
        changes: What is changed besides in documents that are there, before the document is written.
        forgotten: Who is forgotten in held messages, before that.
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
        self.changes: list[Change] = []
        self.forgotten: list[Forgotten] = []

    def insert(self, document: Mapping[str, Any]) -> None:
        """Remembers the document; written at the commit.

        Raises:
            RuntimeError: There is one already, and a second would be a second write.
        """
        if self._document:
            raise RuntimeError("a message causes one document: a second one could not be written together with it")
        self._document = dict(document)

    def change_all(self, wanted: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """Remembers to give fields a value in all documents that are wanted; done at the commit, before the document.

        After a crash in between it is done again. So only a value will do that is the same whenever it is given, and
        that nobody else gives.

        Args:
            wanted: What the documents hold, as a filter of MongoDB.
            fields: The aggregates' own fields, and what stands there from now on.
        """
        self.changes.append(Change(wanted, fields))

    def forget(self, person: UUID, personal: Personal) -> None:
        """Takes what is personal out of the held messages that are about a person; done at the commit.

        Args:
            person: The person's id, as messages have it.
            personal: What stands in which fields from then on.
        """
        self.forgotten.append(Forgotten(person, personal))

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
