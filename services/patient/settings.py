"""What patient alone reads from the environment."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PatientSettings(BaseSettings):
    """What the law asks. The variable is the field's name in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    legal_retention_days: Annotated[
        int, Field(ge=0, le=36_500, description="for how long a patient's record must be kept after the last contact")
    ] = 0
