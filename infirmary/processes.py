"""The processes of a service: its API and its consumer, put together from its rooms and its settings."""

import logging
import signal
from importlib import import_module
from typing import TYPE_CHECKING, cast

from infirmary.observing import health, json_logging
from infirmary.observing.health import Heart
from infirmary.registry import handlers_of, orchestrator_of, package
from infirmary.settings import Settings
from infirmary.tracing.process import trace

if TYPE_CHECKING:
    from flask import Flask  # the consumer does without

    from infirmary.consumer.loop import Consumer  # the API does without the consumer, and without its metrics

log = logging.getLogger(__name__)


def run_api(service: str, settings: Settings) -> None:
    """Serves the service's HTTP interface until SIGTERM, then finishes the requests in hand."""
    from infirmary.http.server import Server  # the consumer does without flask and gunicorn

    json_logging.configure(service, "api", settings.log_level)

    def load() -> "Flask":
        trace(service, "api", settings)  # in the worker: its thread would not outlive the fork
        return make_app(service, settings)

    Server(load, settings).run()


def make_app(service: str, settings: Settings) -> "Flask":
    """Returns the service's flask application, connected to its database."""
    from infirmary.http.api import Api
    from infirmary.http.app import create_app
    from infirmary.postgres.storage import PostgresStorage

    api = cast("Api", import_module(f"{package()}.{service}.api").api)
    orchestrator_of(service, settings)  # the endpoints start sagas through it
    if settings.database_url.startswith("mongodb"):
        from infirmary.mongo.storage import MongoStorage

        return create_app(api, MongoStorage(settings))
    return create_app(api, PostgresStorage(service, settings))


def run_consumer(service: str, settings: Settings) -> None:
    """Applies the messages of the logs that the service reads until SIGTERM; the batch in hand is committed first."""
    from infirmary.consumer.growing import growing_tables
    from infirmary.observing.tables import TableWatch

    json_logging.configure(service, "consumer", settings.log_level)
    trace(service, "consumer", settings)
    heart = Heart()
    health.serve(heart, health.listen(settings.http_host, settings.metrics_port_of("consumer")))
    consumer = make_consumer(service, settings, heart)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    tables = TableWatch(growing_tables(service, settings, orchestrator_of(service, settings) is not None))
    consumer.run()
    tables.close()


def make_consumer(service: str, settings: Settings, heart: Heart) -> "Consumer":
    """Returns the service's consumer, not yet connected."""
    if settings.database_url.startswith("mongodb"):
        from infirmary.mongo.consumer import make_mongo_consumer

        return make_mongo_consumer(service, settings, heart)
    from infirmary.consumer.dispatch import Dispatcher
    from infirmary.consumer.loop import Consumer
    from infirmary.consumer.opening import Opening
    from infirmary.postgres.database import is_transient
    from infirmary.postgres.notify import Nudger
    from infirmary.postgres.store import PostgresStore

    dispatcher = Dispatcher(handlers_of(service), orchestrator_of(service, settings), settings.message_max_bytes)
    nudger = Nudger(settings, service)
    opening = Opening(service, settings, dispatcher, lambda: PostgresStore(service, settings, dispatcher, nudger))
    return Consumer(opening.session, is_transient, heart)
