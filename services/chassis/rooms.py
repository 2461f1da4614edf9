"""Finds a service's rooms by their names: every service has the same ones."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import cast

from services.chassis.handlers import Handlers
from services.chassis.saga.orchestrator import Orchestrator
from services.chassis.settings import Settings

SERVICES = Path(__file__).resolve().parent.parent


def names() -> list[str]:
    """Returns the names of all services whose code is here (an image holds one service only)."""
    return sorted(path.parent.name for path in SERVICES.glob("*/messages.py") if path.parent.name != "chassis")


def handlers_of(service: str) -> Handlers:
    """Returns a service's table of contents."""
    return cast("Handlers", _room(service, "handlers").handlers)


def orchestrator_of(service: str, settings: Settings) -> Orchestrator | None:
    """Returns what carries a service's sagas on, set up for this process; None when the service orchestrates none."""
    if not (SERVICES / service / "saga.py").exists():
        return None
    orchestrator = cast("Orchestrator", _room(service, "saga").orchestrator)
    orchestrator.step_timeout_s = settings.saga_step_timeout_s
    return orchestrator


def _room(service: str, name: str) -> ModuleType:
    return import_module(f"services.{service}.{name}")
