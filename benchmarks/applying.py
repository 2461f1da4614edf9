"""A service that reads: a consumer of the library whose handlers change an aggregate."""

import time
from contextlib import closing
from dataclasses import dataclass

from benchmarks.rows import TYPE, WRITER
from infirmary.consumer.applying import Applier
from infirmary.consumer.broker import Broker
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.session import Session
from infirmary.consumer.streams.broker import StreamBroker
from infirmary.handlers import Handlers
from infirmary.messages import Command, Event, reads, receives
from infirmary.observing.tracing import tracer_of
from infirmary.postgres.notify import Notifier
from infirmary.postgres.store import PostgresStore
from infirmary.postgres.transaction import Transaction
from infirmary.settings import Settings
from infirmary.tracing.tracer import NO_TRACER, Tracer

SERVICE, PUBLISHER = "bench", WRITER
_CHANGE = "UPDATE aggregate SET state = state + 1 WHERE aggregate_id = %(aggregate_id)s"
_DEADLINE_S = 300.0


@reads(PUBLISHER)
class PrescriptionCreated(Event):
    """What the prepared rows tell."""

    aggregate_id: int


@receives(PUBLISHER)
class ChangeAggregate(Command):
    """The same as a command, which is answered."""

    aggregate_id: int


@dataclass(frozen=True)
class Consumed:
    """What came of it, from the first batch on."""

    messages_per_s: float
    cpu_us_per_message: float


def consume(
    database_url: str, rabbitmq_url: str, logs: list[str], count: int, batch_messages: int, **more: str
) -> float:
    """Applies so many messages of the logs, and returns messages a second from the first batch."""
    return consumed(database_url, rabbitmq_url, logs, count, batch_messages, **more).messages_per_s


def consumed(
    database_url: str, rabbitmq_url: str, logs: list[str], count: int, batch_messages: int, **more: str
) -> Consumed:
    """Applies so many messages of the logs.

    Args:
        database_url: The service's own.
        rabbitmq_url: The broker.
        logs: What it reads.
        count: How many messages there are.
        batch_messages: How many are applied together, at the most.
        more: Further settings.

    Raises:
        TimeoutError: they do not come, or cannot be applied.
    """
    settings = Settings.model_validate({"database_url": database_url, "rabbitmq_url": rabbitmq_url, **more})
    tracer = tracer_of(SERVICE, "consumer", settings)
    handlers, applied = _handlers()
    notifier = Notifier(settings, SERVICE)
    give_up_at = time.monotonic() + _DEADLINE_S
    with closing(_session(settings, handlers, notifier, logs, batch_messages, tracer)) as session:
        while not applied:
            session.turn()
        first, started_at, cpu_started_at = len(applied), time.perf_counter(), time.process_time()
        while len(applied) < count:
            session.turn()
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{len(applied):,} of {count:,} messages were applied")
        elapsed_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    notifier.close()
    messages = len(applied) - first
    return Consumed(messages / elapsed_s, cpu_s / messages * 1e6)


def read_on(database_url: str, rabbitmq_url: str, log: str, **more: str) -> None:
    """Applies what is in a log, its parts shared with others that do the same, until the process is ended."""
    settings = Settings.model_validate({"database_url": database_url, "rabbitmq_url": rabbitmq_url, **more})
    with closing(_session(settings, _handlers()[0], Notifier(settings, SERVICE), [log], 100)) as session:
        while True:
            session.turn()


def _session(
    settings: Settings,
    handlers: Handlers,
    notifier: Notifier,
    logs: list[str],
    batch_messages: int,
    tracer: Tracer = NO_TRACER,
) -> Session:
    dispatcher = Dispatcher(handlers)
    store = PostgresStore(SERVICE, settings, dispatcher, notifier, tracer=tracer)
    applier = Applier(store, dispatcher.handles, dispatcher.series, settings.saga_sequence_days)
    broker, address = Broker(settings.broker_url, "benchmark"), settings.stream_address()
    by_streams = None if address is None else StreamBroker(address, "benchmark", lambda: broker)
    return Session(SERVICE, logs, store, applier, broker, batch_messages, reads_logs=by_streams)


def _handlers() -> tuple[Handlers, list[int]]:
    """The service's handlers, and a list that grows with every message that they handle."""
    handlers, applied = Handlers(SERVICE), list[int]()

    @handlers.on(PrescriptionCreated)
    def change(event: PrescriptionCreated, tx: Transaction) -> None:
        tx.execute(_CHANGE, aggregate_id=event.aggregate_id)
        applied.append(event.aggregate_id)

    @handlers.command(ChangeAggregate)
    def change_and_answer(command: ChangeAggregate, tx: Transaction) -> None:
        tx.execute(_CHANGE, aggregate_id=command.aggregate_id)
        applied.append(command.aggregate_id)

    if (PUBLISHER, TYPE) not in handlers.events:
        raise ValueError(f"nobody would handle {TYPE}")
    return handlers, applied
