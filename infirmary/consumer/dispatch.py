"""Dispatches a message: finds its handler, reads the body as the handler declares it, and calls it."""

from collections.abc import Collection
from typing import Protocol

from pydantic_core import from_json

from infirmary.consumer.series import ConsumerSeries
from infirmary.handlers import CommandHandler, Handlers
from infirmary.messages import Command, Reply
from infirmary.observing.json_logging import CORRELATION_ID
from infirmary.tracing.causation import Causation, causation_of
from infirmary.tracing.spans import Span, note_failure
from infirmary.transport.body import read_body
from infirmary.transport.envelope import Incoming, MalformedMessage
from infirmary.transport.log_names import events_of, log_to
from infirmary.transport.messaging_spans import processing
from infirmary.transport.write_options import MESSAGE_MAX_BYTES, WriteOptions


class Work(Protocol):
    """What a handler works through, whatever the database."""

    cause: Causation
    written_at: object
    told_by: str
    spans: list[Span]

    @property
    def service(self) -> str:
        """Whose database it is."""
        ...

    @property
    def options(self) -> WriteOptions:
        """What the process has chosen for all that it writes."""
        ...


class Dispatcher:
    """What a service does with a message, by the tables in its `handlers.py` and `saga.py`.

    Attributes:
        handlers: The service's table.
        series: What is counted of its logs.
    """

    def __init__(
        self, handlers: Handlers, asked: Collection[str] = (), message_max_bytes: int = MESSAGE_MAX_BYTES
    ) -> None:
        """Prepares it.

        Args:
            handlers: The service's table.
            asked: The participants of the service's own sagas, who reply.
            message_max_bytes: The largest body of a message.
        """
        self.handlers = handlers
        self._asked = frozenset(asked)
        self._message_max_bytes = message_max_bytes
        self._types = frozenset(
            {
                *(kind for _, kind in handlers.events),
                *handlers.commands,
                *handlers.notices,
                *([Reply.__name__] if asked else []),
            }
        )
        self.series = ConsumerSeries(handlers, self._asked)

    def handles(self, message: Incoming) -> bool:
        """Says whether a message is of a type that this service handles; only those are told by their names."""
        return message.type in self._types

    def logs(self) -> list[str]:
        """Returns the names of the logs that the service reads: of those whose events, commands or replies it takes."""
        return self.handlers.logs(self._asked)

    def logs_to_peers(self) -> list[str]:
        """Returns the names of the logs of commands and replies that the service writes."""
        return self.handlers.logs_to_peers(self._asked)

    def event(self, tx: Work, message: Incoming) -> None:
        """Applies an event. One of a type that the service does not handle changes nothing, as does state told again.

        Raises:
            MalformedMessage: The body cannot be read, or is too long.
        """
        work_on(tx, message)
        self._require_size(message)
        name = (message.source, message.type)
        found = self.handlers.events.get(name)
        if found is None or (message.state and name in self.handlers.only_news):
            _require_json_object(message)
            return
        kind, handle = found
        follow(tx, message, events_of(message.source))
        try:
            handle(read_body(kind, message.body), tx)
        except Exception as error:
            note_failure(tx.spans, error)
            raise

    def begin_command(self, tx: Work, message: Incoming) -> None:
        """Notes the command or reply that is worked on from here on."""
        work_on(tx, message)
        follow(tx, message, log_to(message.source, tx.service))

    def is_reply(self, message: Incoming) -> bool:
        """Says whether a message answers a saga of the service's own."""
        return message.type == Reply.__name__ and bool(self._asked)

    def reply(self, message: Incoming) -> Reply:
        """Returns a reply.

        Raises:
            MalformedMessage: The body cannot be read.
        """
        self._require_size(message)
        return read_body(Reply, message.body)

    def is_notice(self, message: Incoming) -> bool:
        """Says whether a message of a log to this service alone is one that it answers nothing to."""
        return message.type in self.handlers.notices

    def notice(self, tx: Work, message: Incoming) -> None:
        """Applies a notice.

        Raises:
            MalformedMessage: The body cannot be read, or is too long.
        """
        self._require_size(message)
        kind, handle = self.handlers.notices[message.type]
        handle(read_body(kind, message.body), tx)

    def command(self, message: Incoming) -> tuple[Command, CommandHandler]:
        """Returns a command and its handler.

        Raises:
            MalformedMessage: The body cannot be read, nobody here handles the type, or it comes from somebody, or the
                reply would go to somebody, whose saga it is not.
        """
        self._require_size(message)
        found = self.handlers.commands.get(message.type)
        if found is None:
            raise MalformedMessage(f"{self.handlers.service} handles no {message.type}")
        kind, handle = found
        if message.source != kind.contract.peer:
            raise MalformedMessage(
                f"{message.type} is {kind.contract.peer}'s to ask for, and came from {message.source}"
            )
        command = read_body(kind, message.body)
        if command.reply_to != kind.contract.peer:
            asked = f"{command.reply_to!r:.80}"
            raise MalformedMessage(f"{message.type}.reply_to must be {kind.contract.peer}, not {asked}")
        return command, handle

    def _require_size(self, message: Incoming) -> None:
        if len(message.body) > self._message_max_bytes:
            raise MalformedMessage(
                f"{message.type}: the body has {len(message.body)} bytes, more than MESSAGE_MAX_BYTES"
                f" ({self._message_max_bytes}) allows"
            )


def work_on(tx: Work, message: Incoming) -> None:
    """Notes the message as the cause of all that is written from here on."""
    tx.cause = causation_of(
        message.correlation_id, str(message.message_id), message.traceparent, message.tracestate, tx.options.tracer
    )
    tx.written_at = message.time
    tx.told_by = message.source
    CORRELATION_ID.set(tx.cause.correlation_id)


def follow(tx: Work, message: Incoming, log: str) -> None:
    """Begins to tell what is done with the message, if its trace is sampled: what is written from here on is its child.

    A message that is not sampled costs the look at one flag.
    """
    if tx.options.tracer.wants(tx.cause.traceparent):
        span, tx.cause = processing(message, tx.cause, log)
        tx.spans.append(span)


def _require_json_object(message: Incoming) -> None:
    """Rubbish must not take up the sequence of a real event, even where nobody would look into it."""
    try:
        parsed = from_json(message.body)
    except ValueError as error:
        raise MalformedMessage(f"{message.type}: the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise MalformedMessage(f"{message.type}: the body is not a JSON object")
