"""The messages of audit: none of its own; each service, itself among them, tells it what it was asked for."""

import tomllib
from pathlib import Path
from typing import Final

_SERVICES: Final = Path(__file__).resolve().parents[1] / "services.toml"

RECORDED: Final = tuple(tomllib.loads(_SERVICES.read_text(encoding="utf-8"))["services"])
"""The services that tell it."""
