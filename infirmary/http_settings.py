"""Where a service's API listens, as whom, and how much it takes."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, FilePath, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from infirmary import addresses

LAST_PORT: Final = 65535

Port = Annotated[int, Field(ge=1, le=LAST_PORT)]


def split(names: object) -> object:
    """Returns the names in a text that has commas between them; what is no text is left as it is."""
    return tuple(name.strip() for name in names.split(",") if name.strip()) if isinstance(names, str) else names


class HttpSettings(BaseSettings):
    """What of a service's settings is about its API."""

    http_host: Annotated[str, Field(description="address that the API and the metrics listen on")] = "127.0.0.1"
    http_port: Annotated[Port, Field(description="port of the API")] = 8100
    http_hosts: Annotated[
        tuple[str, ...] | None,
        NoDecode,
        AfterValidator(addresses.server_names),
        Field(description="names of the API that may be registered somewhere, with commas"),
    ] = None
    http_certificate_file: Annotated[
        FilePath | None, Field(description="certificates (PEM), the API's own first; it is then asked over HTTPS only")
    ] = None
    http_key_file: Annotated[FilePath | None, Field(description="the key (PEM) of HTTP_CERTIFICATE_FILE")] = None
    http_caller_requests_per_s: Annotated[
        int, Field(ge=0, le=100_000, description="requests that one caller may send; 0 for no limit")
    ] = 1000
    http_threads: Annotated[int, Field(ge=1, le=64, description="requests that the API works on at once")] = 8

    @property
    def http_certificate_files(self) -> tuple[Path, Path] | None:
        """The API's certificate and its key."""
        if self.http_certificate_file is None or self.http_key_file is None:
            return None
        return self.http_certificate_file, self.http_key_file

    @model_validator(mode="after")
    def _a_certificate_has_its_key(self) -> Self:
        if (self.http_certificate_file is None) != (self.http_key_file is None):
            raise ValueError("HTTP_CERTIFICATE_FILE and HTTP_KEY_FILE should be set both, or neither")
        return self

    @field_validator("http_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, names: object) -> object:
        return split(names)
