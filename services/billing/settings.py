"""What billing alone reads from the environment."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BillingSettings(BaseSettings):
    """The hospital's prices. The variable is the field's name in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    admission_fee: Annotated[
        Decimal, Field(ge=0, max_digits=10, decimal_places=2, description="what an admission costs")
    ] = Decimal("100.00")
