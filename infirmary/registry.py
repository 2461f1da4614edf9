"""Finds a service's rooms by their names: every service has the same ones."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from pydantic_settings import BaseSettings

from infirmary.declaring.declaration import package_of_services
from infirmary.handlers import Handlers
from infirmary.identifiers import service_name
from infirmary.messages import Event
from infirmary.saga.orchestrator import Orchestrator
from infirmary.settings import Settings, read_all
from infirmary.transport.log_names import events_of, log_to

if TYPE_CHECKING:
    from click import Command


def package() -> str:
    """Returns the name of the Python package that holds the services, each a package in it."""
    return package_of_services()


def folder() -> Path:
    """Returns where that package is."""
    return Path(import_module(package()).__path__[0])


def names() -> list[str]:
    """Returns the names of all services whose code is here (an image holds one service only).

    Raises:
        ValueError: One has a name that a service cannot have.
    """
    return [service_name(found) for found in sorted(path.parent.name for path in folder().glob("*/messages.py"))]


def settings_of(service: str) -> Settings:
    """Reads all that the service's processes read, what only one of them reads included.

    Raises:
        InvalidConfiguration: A variable is missing or bad.
    """
    if not (folder() / service / "settings.py").exists():
        return read_all([])
    room = _room(service, "settings")
    kinds = [thing for thing in vars(room).values() if isinstance(thing, type) and thing.__module__ == room.__name__]
    return read_all(kind for kind in kinds if issubclass(kind, BaseSettings))


def handlers_of(service: str) -> Handlers:
    """Returns a service's table of contents."""
    return cast("Handlers", _room(service, "handlers").handlers)


def orchestrator_of(service: str, settings: Settings) -> Orchestrator | None:
    """Returns what carries a service's sagas on, set up for this process; None when the service orchestrates none."""
    if not has_saga(service):
        return None
    orchestrator = cast("Orchestrator", _room(service, "saga").orchestrator)
    orchestrator.step_timeout_s = settings.saga_step_timeout_s
    return orchestrator


def has_saga(service: str) -> bool:
    """Says whether a service orchestrates sagas."""
    return (folder() / service / "saga.py").exists()


def commands_of(service: str) -> list["Command"]:
    """Returns the commands that a service alone gives an operator, from its `commands.py` where it has one."""
    if not (folder() / service / "commands.py").exists():
        return []
    return cast("list[Command]", _room(service, "commands").commands)


def logs_written_by(service: str) -> list[str]:
    """Returns the names of the logs that a service writes, by what it declares."""
    declared = vars(_room(service, "messages")).values()
    tells = any(
        isinstance(kind, type)
        and issubclass(kind, Event)
        and kind.__dict__.get("contract") is not None
        and kind.contract.direction == "publishes"
        for kind in declared
    )
    peers = handlers_of(service).commanded_by()
    if has_saga(service):
        peers |= cast("Orchestrator", _room(service, "saga").orchestrator).peers()
    return [*([events_of(service)] if tells else []), *(log_to(service, peer) for peer in sorted(peers))]


def _room(service: str, name: str) -> ModuleType:
    return import_module(f"{package()}.{service}.{name}")
