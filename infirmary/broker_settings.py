"""Where and as whom a service's processes speak to the broker, by either protocol."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, FilePath, model_validator
from pydantic_settings import BaseSettings

from infirmary import addresses
from infirmary_streams.address import StreamAddress, stream_port

OF_DEVELOPMENT: Final = "amqp://guest:guest@127.0.0.1:5672/"
"""The account that a broker comes with, which lets in who is on the same machine."""


class BrokerSettings(BaseSettings):
    """What of a service's settings is about the broker."""

    rabbitmq_url: Annotated[
        Annotated[str, AfterValidator(addresses.broker)] | None,
        Field(description="the broker; the API does without, and others of development take its usual account"),
    ] = None
    rabbitmq_ca_file: Annotated[
        FilePath | None, Field(description="certificates (PEM) that the broker's must be signed by, for amqps")
    ] = None
    rabbitmq_stream_port: Annotated[
        int | None,
        Field(
            ge=0,
            le=65_535,
            description="port of the broker's stream protocol; 0 reads logs by AMQP 0-9-1; without it 5552, or 5551 for"
            " amqps, where RABBITMQ_URL has the usual port, else 0",
        ),
    ] = None
    rabbitmq_cert_file: Annotated[
        FilePath | None,
        Field(description="the client's own certificate (PEM); the login, too, where RABBITMQ_URL names no user"),
    ] = None
    rabbitmq_key_file: Annotated[FilePath | None, Field(description="the certificate's key (PEM)")] = None

    @property
    def broker_url(self) -> str:
        """Where the broker is, for who speaks to it."""
        return OF_DEVELOPMENT if self.rabbitmq_url is None else self.rabbitmq_url

    def stream_address(self) -> StreamAddress | None:
        """Returns where and as whom logs are read by the stream protocol; None where they are read by AMQP 0-9-1."""
        port = stream_port(self.broker_url, self.rabbitmq_stream_port)
        if not port:
            return None
        return StreamAddress.beside(
            self.broker_url, port, ca_file=self.rabbitmq_ca_file, certificate=self.client_certificate
        )

    @property
    def client_certificate(self) -> tuple[Path, Path] | None:
        """The client's certificate and its key."""
        if self.rabbitmq_cert_file is None or self.rabbitmq_key_file is None:
            return None
        return self.rabbitmq_cert_file, self.rabbitmq_key_file

    @model_validator(mode="after")
    def _certificate_with_its_key(self) -> Self:
        if (self.rabbitmq_cert_file is None) != (self.rabbitmq_key_file is None):
            raise ValueError("RABBITMQ_CERT_FILE and RABBITMQ_KEY_FILE are set together or not at all")
        return self
