"""The relay's settings: read once from the environment, validated, with their units and defaults."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FilePath, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infirmary_relay.backoff import BackoffTimes
from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.crash_points import Point
from infirmary_streams.address import StreamAddress, stream_port
from infirmary_streams.publishing import MOST_IN_SUB_ENTRY

_SIZE = re.compile(r"^[1-9][0-9]*[YMDhms]$")


class SettingsError(Exception):
    """A variable is missing or wrong; the message names each and says what it should be."""


class Settings(BaseSettings):
    """Every variable of the environment that the relay reads."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: str = Field(description="postgresql://role:password@host:port/database, or mongodb://...")
    rabbitmq_url: str = Field(description="amqp://user:password@host:port/vhost, or amqps:// for TLS")
    rabbitmq_ca_file: FilePath | None = Field(None, description="the certificates to trust for amqps, as a PEM file")
    rabbitmq_stream_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="port of the stream protocol, by which logs go, on the host of RABBITMQ_URL; 0 sends them by AMQP; "
        "default 5552 (amqps: 5551) where RABBITMQ_URL has AMQP's own port, else 0",
    )
    rabbitmq_cert_file: FilePath | None = Field(
        None, description="this client's certificate, as a PEM file; it logs in by it when RABBITMQ_URL names no user"
    )
    rabbitmq_key_file: FilePath | None = Field(None, description="the key of that certificate, as a PEM file")
    database_ca_file: FilePath | None = Field(
        None,
        description="the certificates to trust for the database, as a PEM file; then it must show one for its name",
    )
    message_max_bytes: int = Field(1 << 20, ge=1024, le=1 << 27, description="most bytes of one message's body")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port of /metrics, /healthz and /readyz; 0 takes a free one"
    )
    metrics_host: str = Field("127.0.0.1", description="address on which they are served")
    relay_batch_rows: int = Field(500, ge=1, le=10_000, description="most messages published together")
    relay_batch_bytes: int = Field(1 << 20, ge=1024, le=1 << 28, description="most bytes of bodies published together")
    relay_windows: int = Field(2, ge=1, le=8, description="batches in flight at once")
    relay_sub_entry_messages: int = Field(
        1,
        ge=1,
        le=MOST_IN_SUB_ENTRY,
        description="messages of a log that go into one sub-entry of the stream protocol; 1 for none",
    )
    relay_poll_interval_ms: int = Field(100, ge=1, le=5000, description="longest wait for a new row, in milliseconds")
    relay_mongo_poll_interval_ms: int = Field(250, ge=1, le=5000, description="the same for MongoDB")
    relay_collection: str = Field(
        "notifications", min_length=1, description="MongoDB: collection that holds the outboxes"
    )
    relay_declare: Annotated[list[str], NoDecode] | None = Field(
        None,
        description="targets to declare at the start, separated by commas; default all parts of the log of events, and "
        "the logs noted in outbox_log",
    )
    log_parts: int = Field(
        1, ge=1, le=64, description="parts of the log of events to declare at the start, a power of two"
    )
    relay_log_max_age: str = Field("30D", description="how long a log keeps messages, a number and Y, M, D, h, m or s")
    relay_events_max_age: str | None = Field(
        None, description="how long a log of events does, where that differs, a number and Y, M, D, h, m or s"
    )
    relay_events_segment_bytes: int | None = Field(
        None, ge=10_000, le=3_000_000_000, description="bytes of a log of events that the broker forgets at once"
    )
    relay_log_max_bytes: int = Field(10_000_000_000, ge=1_000_000, description="how many bytes a log of events keeps")
    relay_backoff_first_s: float = Field(0.05, ge=0.001, le=10, description="seconds to wait after a first failure")
    relay_backoff_longest_s: float = Field(
        1.0, ge=0.001, le=600, description="most seconds to wait before a target or subject is tried again"
    )
    relay_backoff_missing_longest_s: float = Field(
        30.0, ge=0.001, le=3600, description="most seconds to wait when a target has been missing for long"
    )
    relay_backoff_poison_first_s: float = Field(
        30.0, ge=0.001, le=86_400, description="seconds to wait before a message that cannot be sent is tried again"
    )
    relay_backoff_poison_longest_s: float = Field(600.0, ge=0.001, le=86_400, description="most seconds of that")
    relay_backoff_reconnect_longest_s: float = Field(
        2.0, ge=0.001, le=600, description="most seconds to wait before a lost server is connected to again"
    )
    relay_stalled_after_s: float = Field(
        60.0, ge=1, le=86_400, description="seconds without a confirm after which a relay that could deliver is stalled"
    )
    relay_restart_when_stalled_s: float = Field(
        300.0, ge=0, le=86_400, description="seconds of that after which /healthz fails, 0 for never"
    )
    relay_crash_point: Point | None = Field(None, description="tests only: where to freeze")
    relay_crash_file: Path | None = Field(None, description="tests only: file to touch before freezing")
    infirmary_env: Literal["development", "production"] = Field("development", description="development or production")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    trace_exporter: Literal["none", "otlp", "zipkin"] = Field("none", description="none, otlp or zipkin")
    trace_endpoint: str | None = Field(None, description="URL of the store of traces, http://host:port")

    @property
    def is_mongo(self) -> bool:
        """Whether the outbox is in MongoDB."""
        return self.database_url.startswith("mongodb")

    @property
    def broker_address(self) -> BrokerAddress:
        """Where AMQP is spoken."""
        return BrokerAddress.parse(self.rabbitmq_url, self.rabbitmq_ca_file, self._certificate)

    @property
    def stream_address(self) -> StreamAddress | None:
        """Where the stream protocol is spoken; None where logs go by AMQP."""
        port = stream_port(self.rabbitmq_url, self.rabbitmq_stream_port)
        if port == 0:
            return None
        ca_file = self.rabbitmq_ca_file
        return StreamAddress.beside(self.rabbitmq_url, port, ca_file=ca_file, certificate=self._certificate)

    @property
    def _certificate(self) -> tuple[Path, Path] | None:
        certificate, key = self.rabbitmq_cert_file, self.rabbitmq_key_file
        return (certificate, key) if certificate is not None and key is not None else None

    @property
    def backoff_times(self) -> BackoffTimes:
        """How long to wait before the next try."""
        return BackoffTimes(
            first_s=self.relay_backoff_first_s,
            longest_s=self.relay_backoff_longest_s,
            missing_longest_s=self.relay_backoff_missing_longest_s,
            poison_first_s=self.relay_backoff_poison_first_s,
            poison_longest_s=self.relay_backoff_poison_longest_s,
            reconnect_longest_s=self.relay_backoff_reconnect_longest_s,
        )

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, url: str) -> str:
        if not url.startswith(("postgresql://", "postgres://", "mongodb://", "mongodb+srv://")):
            raise ValueError("unknown scheme")
        if url.startswith("mongodb") and find_spec("pymongo") is None:
            raise ValueError("its driver, the extra `mongo`, is not installed: pip install infirmary-relay[mongo]")
        if url.startswith("postgres") and not re.match(r"^postgres(ql)?://([^@/]*@)?[^/?%]+", url):
            raise ValueError("a host is needed: over a Unix socket the server does not notice that a relay is frozen")
        return url

    @field_validator("trace_exporter")
    @classmethod
    def _is_installed(cls, exporter: str) -> str:
        if exporter != "none" and find_spec("opentelemetry") is None:
            raise ValueError("its packages, the extra `trace`, are not installed: pip install infirmary-relay[trace]")
        return exporter

    @field_validator("trace_endpoint")
    @classmethod
    def _store_is_known(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"^https?://[^/?#@]+(/.*)?$", url):
            raise ValueError("not such a URL")
        return url

    @field_validator("rabbitmq_url")
    @classmethod
    def _broker_is_known(cls, url: str) -> str:
        BrokerAddress.parse(url)
        return url

    @field_validator("rabbitmq_stream_port", mode="before")
    @classmethod
    def _is_set(cls, port: object) -> object:
        return None if port == "" else port

    @field_validator("log_parts")
    @classmethod
    def _is_power_of_two(cls, parts: int) -> int:
        if parts & (parts - 1):
            raise ValueError("no power of two")
        return parts

    @field_validator("relay_log_max_age", "relay_events_max_age")
    @classmethod
    def _age_is_known(cls, age: str | None) -> str | None:
        if age is not None and not _SIZE.match(age):
            raise ValueError("not an age")
        return age

    @field_validator("relay_declare", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_both_files(self) -> "Settings":
        if (self.rabbitmq_cert_file is None) != (self.rabbitmq_key_file is None):
            raise ValueError("RABBITMQ_CERT_FILE and RABBITMQ_KEY_FILE should be set together")
        return self

    @model_validator(mode="after")
    def _restarts_what_is_stalled(self) -> "Settings":
        if 0 < self.relay_restart_when_stalled_s < self.relay_stalled_after_s:
            raise ValueError("RELAY_RESTART_WHEN_STALLED_S should be 0, or not less than RELAY_STALLED_AFTER_S")
        return self

    @model_validator(mode="after")
    def _backs_off_further(self) -> "Settings":
        for first, longest in (
            ("relay_backoff_first_s", "relay_backoff_longest_s"),
            ("relay_backoff_first_s", "relay_backoff_reconnect_longest_s"),
            ("relay_backoff_longest_s", "relay_backoff_missing_longest_s"),
            ("relay_backoff_poison_first_s", "relay_backoff_poison_longest_s"),
        ):
            if getattr(self, longest) < getattr(self, first):
                raise ValueError(f"{longest.upper()} should not be less than {first.upper()}")
        return self

    @model_validator(mode="after")
    def _no_crash_in_production(self) -> "Settings":
        if self.relay_crash_point and self.infirmary_env == "production":
            raise ValueError("RELAY_CRASH_POINT is refused when INFIRMARY_ENV is production")
        return self


def read_settings() -> Settings:
    """Reads the environment.

    Raises:
        SettingsError: variables are missing or wrong.
    """
    try:
        return Settings()  # type: ignore[call-arg, unused-ignore]  # the environment has them
    except ValidationError as invalid:
        raise SettingsError("\n".join(_explain(error["loc"], error["msg"]) for error in invalid.errors())) from None


def _explain(location: tuple[int | str, ...], problem: str) -> str:
    if not location:
        return problem
    name = str(location[0])
    description = Settings.model_fields[name].description
    return f"{name.upper()}: {problem}. It should be: {description}."
