"""A service's configuration: read from the environment once, checked, and with one place for every default."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, FilePath, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.log_parts import MOST_PARTS, check_number

S = TypeVar("S", bound=BaseSettings)

DEVELOPMENT_PASSWORDS = ("guest", "password", "postgres", "infirmary-development")
"""Passwords that anybody knows: good enough on one's own machine, refused in production."""


class InvalidConfiguration(SystemExit):
    """The environment lacks a variable or holds a bad one. The text names each variable and what it should be."""


def _database(url: str) -> str:
    if not url.startswith(("postgresql://", "postgres://", "mongodb://", "mongodb+srv://")):
        raise ValueError("should be postgresql://user:password@host:port/database or mongodb://...")
    return url


def _broker(url: str) -> str:
    if not url.startswith(("amqp://", "amqps://")):
        raise ValueError("should be amqp://user:password@host:port/vhost")
    return url


Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
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
    database_url: Annotated[str, AfterValidator(_database), Field(description="the service's own database")]
    database_ca_file: Annotated[
        FilePath | None, Field(description="certificates (PEM) that the database's must be signed by, in its own name")
    ] = None
    rabbitmq_url: Annotated[str, AfterValidator(_broker), Field(description="the broker; the API does without")] = (
        "amqp://guest:guest@127.0.0.1:5672/"
    )
    http_host: Annotated[str, Field(description="address that the API and the metrics listen on")] = "127.0.0.1"
    http_port: Annotated[Port, Field(description="port of the API")] = 8100
    http_threads: Annotated[int, Field(ge=1, le=64, description="requests that the API works on at once")] = 8
    metrics_port: Annotated[Port, Field(description="port of the consumer's metrics and probes")] = 8200
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
    inbox_days: Annotated[int, Field(ge=1, le=365, description="how long a command's id is remembered")] = 30
    consumer_crash_point: Annotated[
        Literal["before_commit", "after_commit"] | None, Field(description="tests only: where the consumer freezes")
    ] = None
    consumer_crash_file: Annotated[Path | None, Field(description="tests only: file to touch before freezing")] = None

    @model_validator(mode="after")
    def _no_crash_in_production(self) -> "Settings":
        if self.consumer_crash_point and self.infirmary_env == "production":
            raise ValueError("CONSUMER_CRASH_POINT is refused when INFIRMARY_ENV is production")
        return self

    @model_validator(mode="after")
    def _no_known_password_in_production(self) -> "Settings":
        if self.infirmary_env == "production":
            for name, url in (("DATABASE_URL", self.database_url), ("RABBITMQ_URL", self.rabbitmq_url)):
                if any(f":{password}@" in url for password in DEVELOPMENT_PASSWORDS):
                    raise ValueError(
                        f"{name} holds a development password, which production refuses; set one of your own"
                    )
        return self


def read(kind: type[S]) -> S:
    """Reads the environment.

    Raises:
        InvalidConfiguration: Ends the process with one line for each bad variable.
    """
    try:
        return kind()
    except ValidationError as invalid:
        lines = [
            f"  {'_'.join(str(part) for part in error['loc']).upper() or 'environment'}: {error['msg']}"
            for error in invalid.errors(include_input=False)
        ]
        raise InvalidConfiguration("\n".join(["The configuration is not valid:", *lines])) from None
