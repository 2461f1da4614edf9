"""What audit alone reads from the environment."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infirmary.http_settings import split


class AuditSettings(BaseSettings):
    """What is known of harm to the record: told where nobody comes who may only write into its database."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    record_breaks_explained: Annotated[
        tuple[str, ...] | None,
        NoDecode,
        Field(description="names of breaks of the chain that somebody has explained, with commas"),
    ] = None

    @field_validator("record_breaks_explained", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return split(names)
