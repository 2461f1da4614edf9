"""Finds a service's modules by their names: every service has the same ones."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

from pydantic_settings import BaseSettings

from infirmary.beside import Round
from infirmary.declaring.declaration import package_of_services
from infirmary.handlers import Handlers
from infirmary.identifiers import service_name
from infirmary.messages import Event
from infirmary.settings import Settings, read_all
from infirmary.transport.log_names import events_of, logs_of_access
from infirmary.written_messages import check_written

if TYPE_CHECKING:
    from click import Command


class HasPeers(Protocol):
    """What orchestrates the sagas of a service, as far as is known here."""

    def peers(self) -> set[str]:
        """Returns the services that take part in the sagas."""
        ...


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
    found = room(service, "settings")
    kinds = [thing for thing in vars(found).values() if isinstance(thing, type) and thing.__module__ == found.__name__]
    return read_all(kind for kind in kinds if issubclass(kind, BaseSettings))


def handlers_of(service: str) -> Handlers:
    """Returns a service's table of contents."""
    return cast("Handlers", room(service, "handlers").handlers)


def tells_again(service: str) -> bool:
    """Says whether a service can tell the state of its aggregates again."""
    return (folder() / service / "republishing.py").exists()


def has_saga(service: str) -> bool:
    """Says whether a service orchestrates sagas."""
    return (folder() / service / "saga.py").exists()


def commands_of(service: str) -> list["Command"]:
    """Returns the commands that a service alone gives an operator, from its `commands.py` where it has one."""
    if not (folder() / service / "commands.py").exists():
        return []
    return cast("list[Command]", room(service, "commands").commands)


def rounds_of_service(service: str, settings: Settings) -> list[Round]:
    """Returns what a service does beside its consumer, by its `watch.py` where it has one."""
    if not (folder() / service / "watch.py").exists():
        return []
    return cast("list[Round]", room(service, "watch").rounds(settings))


def logs_written_by(service: str, recorded_by: str | None = None) -> list[str]:
    """Returns the names of the logs that a service writes, by what it declares.

    Args:
        service: Whose they are.
        recorded_by: The service that keeps the record of access, where one does.
    """
    declared = vars(room(service, "messages")).values()
    tells = any(
        isinstance(kind, type)
        and issubclass(kind, Event)
        and kind.__dict__.get("contract") is not None
        and kind.contract.direction == "publishes"
        for kind in declared
    )
    asked = cast("HasPeers", room(service, "saga").orchestrator).peers() if has_saga(service) else ()
    recorded = logs_of_access(service, recorded_by)
    return [*([events_of(service)] if tells else []), *handlers_of(service).logs_to_peers(asked), *recorded]


def room(service: str, name: str) -> ModuleType:
    """Returns a module of a service, for example its `saga`.

    Raises:
        Misdeclared: The service's code publishes or sends what is not its own.
    """
    check_written(service)
    return import_module(f"{package()}.{service}.{name}")
