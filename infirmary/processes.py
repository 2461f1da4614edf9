"""The processes of a service: its API and its consumer, put together from its modules and its settings."""

import logging
import signal
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, cast

from infirmary.declaring.declaration import Misdeclared, named
from infirmary.identifiers import new_id
from infirmary.observing import health, json_logging
from infirmary.observing.health import Liveness
from infirmary.observing.tracing import tracer_of
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.registry import handlers_of, has_saga, package, rounds_of_service
from infirmary.settings import Settings
from infirmary.tracing.tracer import NO_TRACER, Tracer

if TYPE_CHECKING:
    from flask import Flask  # the consumer does without

    from infirmary.beside import Round
    from infirmary.consumer.loop import Consumer  # the API does without the consumer, and without its metrics
    from infirmary.consumer.opening import Opening
    from infirmary.http.app import Storage
    from infirmary.http.docs_login import DocsLogin
    from infirmary.identity.gate import Gate
    from infirmary.identity.provider import Provider
    from infirmary.observing.tables import Size

    IsTransient = Callable[[BaseException], bool]

_logger = logging.getLogger(__name__)


def run_api(service: str, settings: Settings) -> None:
    """Serves the service's HTTP interface until SIGTERM, then finishes the requests in hand."""
    from infirmary.http.recorded import recorded_of  # the consumer does without flask and gunicorn
    from infirmary.http.server import Server

    json_logging.configure(service, "api", settings.log_level)
    recorded_of(service, settings)  # what is wrong with it should end this process, not a worker

    def load() -> "Flask":
        tracer = tracer_of(service, "api", settings)  # in the worker: its thread would not outlive the fork
        return make_app(service, settings, tracer)

    Server(load, settings).run()


def make_app(service: str, settings: Settings, tracer: Tracer = NO_TRACER) -> "Flask":
    """Returns the service's flask application, connected to its database."""
    from infirmary.http.api import Api
    from infirmary.http.app import create_app
    from infirmary.http.recorded import recorded_of

    api = cast("Api", import_module(f"{package()}.{service}.api").api)
    orchestrator = orchestrator_of(service)
    if orchestrator is not None:
        orchestrator.show_series()  # the endpoints start sagas through it
    provider = _provider(settings)
    gate = _gate(provider, settings)
    return create_app(
        api,
        _storage(service, settings, tracer),
        tracer=tracer,
        who_asks=None if gate is None else gate.caller,
        knows=None if gate is None else gate.known_subject,
        hosts=settings.http_hosts or (),
        caller_requests_per_s=settings.http_caller_requests_per_s,
        docs_login=_docs_login(provider, settings),
        recorded=recorded_of(service, settings),
    )


def _storage(service: str, settings: Settings, tracer: Tracer) -> "Storage":
    if settings.database_url.startswith("mongodb"):
        from infirmary.mongo.storage import MongoStorage

        return MongoStorage(settings, service)
    from infirmary.postgres.storage import PostgresStorage

    return PostgresStorage(service, settings, tracer)


def _provider(settings: Settings) -> "Provider | None":
    if settings.oidc_issuer is None:
        return None
    from infirmary.identity.provider import Provider  # and with it cryptography

    return Provider(settings.oidc_issuer)


def _docs_login(provider: "Provider | None", settings: Settings) -> "DocsLogin | None":
    if provider is None or settings.oidc_docs_client is None:
        return None
    from infirmary.http.docs_login import DocsLogin

    return DocsLogin(settings.oidc_docs_client, lambda: provider.login_place)


def _gate(provider: "Provider | None", settings: Settings) -> "Gate | None":
    if provider is None:
        _logger.info("OIDC_ISSUER is not set: everybody may do everything")
        return None
    from infirmary.identity.gate import gate_of  # and with it cryptography

    return gate_of(provider, settings.oidc_audience)


def run_consumer(service: str, settings: Settings) -> None:
    """Applies the messages of the logs that the service reads until SIGTERM; the batch in hand is committed first."""
    from infirmary.beside import Beside

    json_logging.configure(service, "consumer", settings.log_level)
    tracer = tracer_of(service, "consumer", settings)
    liveness = Liveness()
    health.serve(liveness, health.listen(settings.http_host, settings.metrics_port_of("consumer")))
    consumer = make_consumer(service, settings, liveness, tracer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    with Beside(rounds_of(service, settings)):
        consumer.run()


def rounds_of(service: str, settings: Settings) -> "list[Round]":
    """Returns what is done beside a service's consumer: its tables are measured and cleared, and what it has itself."""
    from infirmary.observing.tables import measuring

    clearing = _housekeeping(service, settings)
    return [measuring(growing_tables(service, settings)), clearing, *rounds_of_service(service, settings)]


def _housekeeping(service: str, settings: Settings) -> "Round":
    if settings.database_url.startswith("mongodb"):
        from infirmary.mongo.housekeeping import housekeeping_of_documents

        return housekeeping_of_documents(service, settings)
    from infirmary.postgres.housekeeping import housekeeping_of_consumer

    return housekeeping_of_consumer(service, settings)


def growing_tables(service: str, settings: Settings) -> "Callable[[], Iterator[Size]]":
    """Returns what measures the tables of a service's consumer."""
    if settings.database_url.startswith("mongodb"):
        from infirmary.mongo.growing import MongoGrowing

        return MongoGrowing(service, settings)
    from infirmary.postgres.growing import postgres_growing

    return postgres_growing(service, settings, orchestrates=has_saga(service))


def make_consumer(service: str, settings: Settings, liveness: Liveness, tracer: Tracer = NO_TRACER) -> "Consumer":
    """Returns the service's consumer, not yet connected."""
    from infirmary.consumer.loop import Consumer
    from infirmary.restores import WholeFirst

    make = _mongo_consumer if settings.database_url.startswith("mongodb") else _postgres_consumer
    opening, is_transient = make(service, settings, tracer)
    return Consumer(WholeFirst(service, settings, opening.session).session, is_transient, liveness)


def _postgres_consumer(service: str, settings: Settings, tracer: Tracer) -> "tuple[Opening, IsTransient]":
    from infirmary.consumer.dispatch import Dispatcher
    from infirmary.consumer.opening import Opening
    from infirmary.postgres.database import is_transient
    from infirmary.postgres.notify import Notifier
    from infirmary.postgres.sagas.watch import expect_statuses
    from infirmary.postgres.store import PostgresStore

    orchestrator = orchestrator_of(service)
    if orchestrator is not None:
        orchestrator.show_series()
        expect_statuses(orchestrator.sagas.newest)
    asked = orchestrator.peers() if orchestrator is not None else ()
    handlers = handlers_of(service)
    if handlers.with_session:
        from infirmary.sqlalchemy.handling import in_sessions  # most services do without

        handlers = in_sessions(handlers)
    dispatcher = Dispatcher(handlers, asked, settings.message_max_bytes)
    notifier = Notifier(settings, service)

    def open_store() -> PostgresStore:
        return PostgresStore(service, settings, dispatcher, notifier, orchestrator, tracer)

    return Opening(service, settings, dispatcher, open_store), is_transient


def _mongo_consumer(service: str, settings: Settings, tracer: Tracer) -> "tuple[Opening, IsTransient]":
    """It takes part in sagas but orchestrates none, and its handlers have no Session."""
    from infirmary.consumer.dispatch import Dispatcher
    from infirmary.consumer.opening import Opening
    from infirmary.mongo.storage import is_transient
    from infirmary.mongo.store import MongoStore

    handlers = handlers_of(service)
    for handler in handlers.with_session:
        raise Misdeclared(f"{named(handler)} asks for a Session, and the database is MongoDB's, which has none")
    dispatcher = Dispatcher(handlers, (), settings.message_max_bytes)
    holder = new_id()
    opening = Opening(service, settings, dispatcher, lambda: MongoStore(service, settings, dispatcher, holder, tracer))
    return opening, is_transient
