"""A transaction of MongoDB: one document with the messages that tell about it, in one write."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from infirmary.messages import Event, Message, Reply
from infirmary.mongo import outbox
from infirmary.tracing.causation import Causation, causation_of
from infirmary.tracing.spans import Span
from infirmary.transport.envelope import Outgoing, outgoing
from infirmary.transport.messaging_spans import created
from infirmary.transport.write_options import DEFAULTS, WriteOptions


class MongoTransaction:
    """What one message causes. Nothing is written before the commit, and then everything in one document.

    Attributes:
        options: What the process has chosen for all that it writes.
        cause: What led to it; every message that it writes carries it on.
        message_id: The id of the message that causes it, and so the id of the document.
        written_at: The `time` of the message that is worked on.
        messages: What was published so far; it is embedded in the document at the commit.
        spans: What is to be told of it in sampled traces, once it is written.
    """

    def __init__(
        self,
        service: str,
        message_id: UUID,
        options: WriteOptions = DEFAULTS,
    ) -> None:
        self.service, self.options = service, options
        self.message_id = message_id
        self.cause: Causation = causation_of(None, None, None, tracer=options.tracer)
        self.written_at: object = None
        self.messages: list[Outgoing] = []
        self.spans: list[Span] = []
        self._document: dict[str, Any] = {}

    def insert(self, document: Mapping[str, Any]) -> None:
        """Remembers the document; written at the commit.

        Raises:
            RuntimeError: There is one already, and a second would be a second write.
        """
        if self._document:
            raise RuntimeError("a message causes one document: a second one could not be written together with it")
        self._document = dict(document)

    def publish(self, event: Event) -> None:
        """Tells everybody, in the service's log, that something happened. Written at the commit."""
        self._write(event)

    def reply(self, reply: Reply, to: str) -> None:
        """Answers the service that orchestrates the saga. Written at the commit."""
        self._write(reply, to=to)

    def _write(self, message: Message, to: str | None = None) -> None:
        written = outgoing(
            message,
            source=self.service,
            cause=self.cause,
            to=to,
            parts=self.options.log_parts,
            max_bytes=self.options.message_max_bytes,
            schema_urn=self.options.schema_urn,
        )
        self.messages.append(written)
        if self.options.tracer.wants(written.traceparent):
            self.spans.append(created(written, self.cause))

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
