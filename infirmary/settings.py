"""A service's configuration: read from the environment once, checked, and with one place for every default."""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, Field, FilePath, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infirmary import addresses
from infirmary.access.spool import SMALLEST_BYTES
from infirmary.broker_settings import BrokerSettings
from infirmary.http_settings import LAST_PORT, HttpSettings, Port, split
from infirmary.identifiers import service_name
from infirmary.tracing.tracer import NO_TRACER, Tracer
from infirmary.transport.log_names import MOST_PARTS, check_number
from infirmary.transport.write_options import MESSAGE_MAX_BYTES, SCHEMA_URN, WriteOptions

S = TypeVar("S", bound=BaseSettings)


INVALID_CONFIGURATION_STATUS: Final = 2
"""The exit status of a process whose configuration is not valid: to start it again is of no use."""

_OF_THE_RELAY: Final = ("METRICS_HOST",)
"""A variable of the relay that does not begin with RELAY_; it is given the same ones as the service."""


class InvalidConfiguration(SystemExit):
    """The environment lacks a variable or holds a bad one. The text names each variable and what it should be."""

    def __init__(self, wrong: Iterable[str]) -> None:
        super().__init__("The configuration is not valid: " + "; ".join(wrong))
        self.code = INVALID_CONFIGURATION_STATUS


_METRICS_ABOVE_API: Final = {"consumer": 100, "api": 300}
"""On one machine every process has a port of its own."""


class Settings(HttpSettings, BrokerSettings):
    """What every process of a service needs. The variable is the field's name in upper case.

    docs/configuration.md lists them; a test holds the two together.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    infirmary_env: Annotated[
        Literal["development", "production"], Field(description="production refuses known passwords")
    ] = "development"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="the least level that is logged")
    ] = "INFO"
    trace_exporter: Annotated[
        Literal["none", "otlp", "zipkin"],
        AfterValidator(addresses.installed_exporter),
        Field(description="what speaks to the store of traces"),
    ] = "none"
    trace_endpoint: Annotated[
        str | None, AfterValidator(addresses.trace_store), Field(description="URL of the store of traces")
    ] = None
    trace_ratio: Annotated[
        float | None, Field(ge=0, le=1, description="share of the traces that begin here that is sampled")
    ] = None
    database_url: Annotated[str, AfterValidator(addresses.database), Field(description="the service's own database")]
    owner_database_url: Annotated[
        Annotated[str, AfterValidator(addresses.database)] | None,
        Field(description="the same database as its owner, for migrations, restores and rebuilds"),
    ] = None
    database_ca_file: Annotated[
        FilePath | None, Field(description="certificates (PEM) that the database's must be signed by, in its own name")
    ] = None
    metrics_port: Annotated[
        Port | None,
        Field(description="port of the metrics and probes; without it the API's plus 300, a consumer's plus 100"),
    ] = None
    oidc_issuer: Annotated[
        str | None,
        AfterValidator(addresses.issuer),
        Field(description="URL of the provider whose tokens let people in"),
    ] = None
    oidc_audience: Annotated[
        str, Field(min_length=1, max_length=255, description="for whom a token has to be made out")
    ] = "infirmary"
    oidc_docs_client: Annotated[
        str | None,
        Field(min_length=1, max_length=255, description="what the provider calls /docs, where people may log in"),
    ] = None
    access_recorded_by: Annotated[
        Annotated[str, AfterValidator(service_name)] | None,
        Field(description="service that keeps the record of access; without it there is none"),
    ] = None
    access_spool: Annotated[
        Path | None,
        Field(description="folder of the API's own that outlives it, for what is still to be put on record"),
    ] = None
    access_spool_bytes: Annotated[
        int, Field(ge=SMALLEST_BYTES, le=1_073_741_824, description="how much of that an API keeps at the most")
    ] = 8_388_608
    database_connections: Annotated[
        int, Field(ge=1, le=64, description="connections of the API's pool at the most")
    ] = 8
    database_wait_s: Annotated[float, Field(gt=0, le=30, description="how long a request waits for a connection")] = 2.0
    consumer_batch_messages: Annotated[
        int, Field(ge=1, le=1000, description="messages in one transaction at the most")
    ] = 100
    saga_step_timeout_s: Annotated[
        float, Field(gt=0, le=3600, description="silence after which a step is tried again")
    ] = 5.0
    log_parts: Annotated[
        int,
        Field(ge=1, le=MOST_PARTS, description="into how many parts the service writes its log"),
        AfterValidator(check_number),
    ] = 1
    stalled_after_s: Annotated[
        float,
        Field(ge=1, le=86_400, description="seconds without progress of a log that grows, after which it is told"),
    ] = 60.0
    restart_when_stalled_s: Annotated[
        float, Field(ge=0, le=86_400, description="seconds of that after which /healthz fails; 0 for never")
    ] = 300.0
    saga_sequence_days: Annotated[
        int,
        Field(ge=1, le=365, description="how long a saga's place in a log is remembered; no less than logs are kept"),
    ] = 30
    saga_archive_after_days: Annotated[
        int, Field(ge=1, le=365, description="age at which sagas that have ended are moved to the archive")
    ] = 7
    saga_kept_days: Annotated[
        int, Field(ge=1, le=36_500, description="age at which archived sagas, and answers to sagas, are dropped")
    ] = 365
    idempotency_key_days: Annotated[
        int, Field(ge=1, le=365, description="how long the answer to a request with an Idempotency-Key is remembered")
    ] = 7
    restore: Annotated[
        Literal["by_hand", "automatic"],
        Field(description="who makes a database whole that was set back: an operator, or the consumer that finds it"),
    ] = "by_hand"
    message_max_bytes: Annotated[
        int, Field(ge=1024, le=16_777_216, description="the largest body of a message that is written")
    ] = MESSAGE_MAX_BYTES
    schema_urn: Annotated[
        str,
        Field(
            pattern=r"^urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}(:[A-Za-z0-9._-]{1,64}){0,3}$",
            description="how the name of a message's schema begins",
        ),
    ] = SCHEMA_URN
    migration_wait_s: Annotated[
        float, Field(gt=0, le=86_400, description="how long a migration waits for locks and for the database")
    ] = 300.0
    infirmary_settings: Annotated[
        tuple[str, ...] | None,
        NoDecode,
        Field(description="names of the variables that were set on purpose, with commas"),
    ] = None
    consumer_crash_point: Annotated[
        Literal["before_commit", "after_commit"] | None, Field(description="tests only: where the consumer freezes")
    ] = None
    consumer_crash_file: Annotated[Path | None, Field(description="tests only: file to touch before freezing")] = None

    def write_options(self, tracer: Tracer = NO_TRACER) -> WriteOptions:
        """Returns what holds for all transactions in which a process with this tracer writes messages."""
        return WriteOptions(
            self.log_parts,
            self.message_max_bytes,
            self.schema_urn,
            self.saga_step_timeout_s,
            tracer,
            self.saga_kept_days,
        )

    @property
    def broker_url(self) -> str:
        """Where the broker is, for who speaks to it: production has to say.

        Raises:
            InvalidConfiguration: Ends the process: production has not.
        """
        if self.rabbitmq_url is None and self.infirmary_env == "production":
            raise refused(["RABBITMQ_URL: should be set in production, for all processes but the API"])
        return super().broker_url

    def as_owner(self) -> "Settings":
        """Returns the settings with which the database is reached as its owner, as who changes its tables has to be."""
        return self.model_copy(update={"database_url": self.owner_database_url or self.database_url})

    def share_of_new_traces(self) -> float:
        """Returns the share of the traces that begin here that is sampled: all, where they go anywhere."""
        if self.trace_ratio is not None:
            return self.trace_ratio
        return 0.0 if self.trace_exporter == "none" else 1.0

    @field_validator("infirmary_settings", mode="before")
    @classmethod
    def _split_settings(cls, names: object) -> object:
        return split(names)

    def metrics_port_of(self, role: Literal["api", "consumer"]) -> int:
        """Returns where a process answers probes and shows its metrics.

        Raises:
            InvalidConfiguration: Ends the process: its clients were to be answered there, or there is no such port.
        """
        above = _METRICS_ABOVE_API[role]
        port = self.metrics_port or self.http_port + above
        if role == "api" and port == self.http_port:
            raise refused(["METRICS_PORT: should be another port than HTTP_PORT"])
        if port > LAST_PORT:
            raise refused([f"METRICS_PORT: should be set: {above} above HTTP_PORT there is no port"])
        return port

    @field_validator("restart_when_stalled_s")
    @classmethod
    def _told_before(cls, restart_s: float, read: ValidationInfo) -> float:
        told_s: float | None = read.data.get("stalled_after_s")
        if told_s is not None and 0 < restart_s < told_s:
            raise ValueError(f"should be at least STALLED_AFTER_S ({told_s:g}), or 0 for never")
        return restart_s

    @field_validator("saga_kept_days")
    @classmethod
    def _kept_as_long_as_it_may_be_asked_for(cls, kept: int, read: ValidationInfo) -> int:
        """Refuses a time after which the logs may still hold commands of a saga, or sagas are not archived yet."""
        for name in ("saga_sequence_days", "saga_archive_after_days"):
            least: int | None = read.data.get(name)
            if least is not None and kept < least:
                raise ValueError(f"should be at least {name.upper()} ({least})")
        return kept

    @model_validator(mode="after")
    def _no_crash_in_production(self) -> "Settings":
        if self.consumer_crash_point and self.infirmary_env == "production":
            raise ValueError("CONSUMER_CRASH_POINT is refused when INFIRMARY_ENV is production")
        return self

    @model_validator(mode="after")
    def _no_known_password_in_production(self) -> "Settings":
        if self.infirmary_env == "production":
            named = {
                "DATABASE_URL": self.database_url,
                "OWNER_DATABASE_URL": self.owner_database_url or "",
                "RABBITMQ_URL": self.rabbitmq_url or "",
            }
            for name, url in named.items():
                if addresses.holds_known_password(url):
                    raise ValueError(
                        f"{name} holds a development password, which production refuses; set one of your own"
                    )
        return self

    @field_validator("owner_database_url")
    @classmethod
    def _of_the_same_kind(cls, url: str | None, read: ValidationInfo) -> str | None:
        if url is not None and url.startswith("mongodb") != str(read.data.get("database_url", url)).startswith(
            "mongodb"
        ):
            raise ValueError("should be an address of the database that DATABASE_URL names, as its owner")
        return url

    @model_validator(mode="after")
    def _somebody_asks_who_it_is_in_production(self) -> "Settings":
        if self.infirmary_env == "production" and not (self.oidc_issuer or "").startswith("https://"):
            raise ValueError(
                "OIDC_ISSUER should be https://... when INFIRMARY_ENV is production: nobody else lets people in"
            )
        return self


def read(kind: type[S]) -> S:
    """Reads the environment.

    Raises:
        InvalidConfiguration: Ends the process with one line that names each bad variable.
    """
    try:
        return kind()
    except ValidationError as invalid:
        raise refused(_wrong(invalid)) from None


def read_all(of_the_service: Iterable[type[BaseSettings]]) -> Settings:
    """Reads all that the processes of a service read, so that none of them starts when another one could not.

    Args:
        of_the_service: What the service alone reads, besides `Settings`.

    Raises:
        InvalidConfiguration: Ends the process with one line that names each bad variable, and each that was set on
            purpose (INFIRMARY_SETTINGS) and that nobody reads.
    """
    kinds: list[type[BaseSettings]] = [Settings, *of_the_service]
    wrong: list[str] = []
    for kind in kinds:
        try:
            kind()
        except ValidationError as invalid:
            wrong += _wrong(invalid)
    known = {name.upper() for kind in kinds for name in kind.model_fields}
    if not wrong:
        wrong += unknown(Settings().infirmary_settings or (), known)
    if wrong:
        raise refused(wrong)
    return Settings()


def unknown(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Returns a line for each variable that no process of the service reads, with the one that may be meant."""
    known = {*known, *_OF_THE_RELAY}
    lines = []
    for name in names:
        if name in known or name.startswith("RELAY_"):
            continue
        close = get_close_matches(name, known, n=1)
        lines.append(f"{name}: nobody reads it" + (f"; did you mean {close[0]}?" if close else ""))
    return lines


def _wrong(invalid: ValidationError) -> list[str]:
    return [
        f"{'_'.join(str(part) for part in error['loc']).upper() or 'environment'}: {error['msg']}"
        for error in invalid.errors(include_input=False)
    ]


def refused(wrong: list[str]) -> InvalidConfiguration:
    """Says what is wrong, and returns it for the caller to end the process with."""
    invalid = InvalidConfiguration(wrong)
    print(invalid, file=sys.stderr)
    return invalid
