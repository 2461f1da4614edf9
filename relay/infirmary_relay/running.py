"""One relay, put together from its settings and run until it is told to stop."""

import logging
import signal
import sys
from uuid import uuid4

from pythonjsonlogger.json import JsonFormatter

from infirmary_relay import metrics
from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.declarer import Declarer
from infirmary_relay.broker.opening import Opening
from infirmary_relay.broker.targets import LogLimits
from infirmary_relay.crash_points import CrashPoints
from infirmary_relay.health import Health, serve
from infirmary_relay.loop import Relay
from infirmary_relay.progress import Progress
from infirmary_relay.report import Report
from infirmary_relay.sends import Sends
from infirmary_relay.set_back.guard import Guard
from infirmary_relay.settings import Settings, SettingsError, read_settings
from infirmary_relay.sources.postgres import PostgresSource
from infirmary_relay.sources.source import Source

_log = logging.getLogger(__name__)


def run(service: str) -> int:
    """Runs the relay of a service until SIGTERM or SIGINT.

    Returns:
        The exit status: 0 after it was told to stop, 2 when a setting is missing or wrong; standard error says which.
    """
    try:
        settings = read_settings()
    except SettingsError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    _log_as_json(service, settings.log_level)
    metrics.show_from_the_start()
    health = Health()
    server = serve(health, settings.metrics_host, settings.metrics_port)
    relay = _relay(service, settings, health)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: relay.stop())
    _log.info("metrics on port %d", server.server_port)
    _log.info("logs go by %s", _way(settings))
    relay.run()
    server.shutdown()
    return 0


def _way(settings: Settings) -> str:
    streams = settings.stream_address
    if streams is not None:
        return f"the stream protocol, {streams.endpoint}"
    return "AMQP 0-9-1: RABBITMQ_STREAM_PORT is 0, or not set and RABBITMQ_URL has another port than AMQP's own"


def _relay(service: str, settings: Settings, health: Health) -> Relay:
    relay_id = uuid4()
    address = settings.broker_address
    limits = LogLimits(
        settings.relay_log_max_age,
        settings.relay_log_max_bytes,
        settings.relay_events_max_age,
        settings.relay_events_segment_bytes,
    )
    opening = Opening(
        address,
        limits,
        service=service,
        name=f"relay {service} {relay_id}",
        log_parts=settings.log_parts,
        declare=settings.relay_declare,
        streams=settings.stream_address,
        sub_entry_messages=settings.relay_sub_entry_messages,
    )

    def connect_source() -> Source:
        if settings.is_mongo:
            from infirmary_relay.sources.mongo import MongoSource  # its driver is an extra

            return MongoSource(
                settings.database_url,
                collection=settings.relay_collection,
                service=service,
                relay_id=relay_id,
                poll_s=settings.relay_mongo_poll_interval_ms / 1000,
                batch_bytes=settings.relay_batch_bytes,
                message_max_bytes=settings.message_max_bytes,
                ca_file=settings.database_ca_file,
            )
        return PostgresSource(
            settings.database_url,
            service=service,
            relay_id=relay_id,
            poll_s=settings.relay_poll_interval_ms / 1000,
            batch_rows=settings.relay_batch_rows,
            batch_bytes=settings.relay_batch_bytes,
            message_max_bytes=settings.message_max_bytes,
            ca_file=settings.database_ca_file,
        )

    return Relay(
        connect_source,
        opening.publisher,
        Declarer(opening.declarations),
        batch_rows=settings.relay_batch_rows,
        windows=settings.relay_windows,
        backoff_times=settings.backoff_times,
        report=Report(health, Progress(settings.relay_stalled_after_s, settings.relay_restart_when_stalled_s)),
        crash_points=CrashPoints(settings.relay_crash_point, settings.relay_crash_file),
        sends=_sends(service, settings, address),
        guard=Guard(opening.tails(), opening.logs, limits.max_age_s),
    )


def _sends(service: str, settings: Settings, address: BrokerAddress) -> Sends | None:
    if settings.trace_exporter == "none":
        return None
    from infirmary_relay.span_export import Export, exporter_to  # without an exporter nothing of it is loaded

    exporter = exporter_to(settings.trace_exporter, settings.trace_endpoint)
    return Sends(Export(exporter, service, metrics.spans_dropped.inc).take, address)


def _log_as_json(service: str, level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    fields = {"asctime": "time", "levelname": "level", "name": "logger"}
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields=fields,
            static_fields={"service": service, "role": "relay"},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
