"""What a transaction tells others, remembered until its commit; the same for every database."""

from infirmary.messages import Event, Message, Notice, Reply
from infirmary.tracing.causation import Causation
from infirmary.tracing.spans import Span
from infirmary.transport.envelope import Outgoing, outgoing
from infirmary.transport.messaging_spans import created
from infirmary.transport.write_options import DEFAULTS, WriteOptions


class MessageWriter:
    """Remembers messages, each with what led to it.

    Attributes:
        service: Whose messages they are.
        options: What the process has chosen for all that it writes.
        cause: What led to the transaction; every message that it writes carries it on. A consumer sets it for each
            message of its batch.
        written_at: The `time` of the message that is worked on, when a consumer works on one.
        told_by: The service whose message is worked on, when a consumer works on one.
        messages: What was published and is not written yet; that comes last, at the commit.
        spans: What is told of it in sampled traces, once it is committed.
    """

    def __init__(self, service: str, cause: Causation, options: WriteOptions = DEFAULTS) -> None:
        self.service, self.cause, self.options = service, cause, options
        self.written_at: object = None
        self.told_by = ""
        self.messages: list[Outgoing] = []
        self.spans: list[Span] = []

    def publish(self, event: Event) -> None:
        """Tells everybody, in the service's log, that something happened. Written at the commit."""
        self._write(event)

    def reply(self, reply: Reply, to: str) -> None:
        """Answers the service that orchestrates the saga. Written at the commit."""
        self._write(reply, to=to)

    def tell(self, notice: Notice, to: str) -> None:
        """Tells one service something that it answers nothing to. Written at the commit."""
        self._write(notice, to=to)

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
