"""What all services declare about their messages, gathered from their `messages.py`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Final

from contracts.saga_files import SagasOf
from infirmary import registry
from infirmary.access.records import AccessRecorded
from infirmary.messages import OUTWARD, Command, Event, Message, Reply
from infirmary.postgres.sagas.orchestrator import orchestrator_of

LIBRARY = "infirmary"
OF_THE_LIBRARY: Final[tuple[type[Message], ...]] = (Reply, AccessRecorded)
"""What every service writes: a participant its replies, and each its record of access."""


@dataclass(frozen=True)
class Declared:
    """A message class and the service that declares it.

    Attributes:
        service: Whose class it is; `infirmary` for what the library writes for all of them.
        message: The class.
    """

    service: str
    message: type[Message]

    @property
    def type(self) -> str:
        """The message's name."""
        return self.message.__name__

    @property
    def peer(self) -> str:
        """The service at the other end; empty for what anybody may read."""
        return self.message.contract.peer

    @property
    def is_outward(self) -> bool:
        """Whether the service owns the type: it publishes or sends it. Otherwise it reads or receives it."""
        return self.message in OF_THE_LIBRARY or self.message.contract.direction in OUTWARD

    @property
    def is_command(self) -> bool:
        """Whether it asks one service to do something, rather than telling everybody that something happened."""
        return issubclass(self.message, Command)

    @property
    def is_event(self) -> bool:
        """Whether it tells everybody that something happened."""
        return issubclass(self.message, Event)


@dataclass(frozen=True)
class Catalogue:
    """The declarations of all services whose code is here.

    Attributes:
        declared: The message classes.
        services: The services' names.
        sagas: What each of them leads.
    """

    declared: tuple[Declared, ...]
    services: frozenset[str]
    sagas: SagasOf = field(default_factory=dict)

    @cached_property
    def owned(self) -> Mapping[tuple[str, str], Declared]:
        """What is published or sent, by service and type."""
        return {(found.service, found.type): found for found in self.declared if found.is_outward}

    @cached_property
    def readings(self) -> tuple[Declared, ...]:
        """What is read or received."""
        return tuple(found for found in self.declared if not found.is_outward)

    def readers_of(self, owner: str, type_name: str) -> list[Declared]:
        """Returns the declarations of those who read a type of `owner`."""
        return [found for found in self.readings if (found.peer, found.type) == (owner, type_name)]


def catalogue_of(declarations: Mapping[str, Iterable[type[Message]]], sagas: SagasOf | None = None) -> Catalogue:
    """Returns a catalogue of services with their message classes and sagas, and of what the library writes for them."""
    found = [Declared(service, message) for service, messages in declarations.items() for message in messages]
    return Catalogue(
        (*found, *(Declared(LIBRARY, message) for message in OF_THE_LIBRARY)), frozenset(declarations), sagas or {}
    )


def load() -> Catalogue:
    """Reads the `messages.py` of every service whose code is here, and its `saga.py` where it has one."""
    services = registry.names()
    led = {service: orchestrator_of(service) for service in services}
    sagas = {service: orchestrator.sagas.newest for service, orchestrator in led.items() if orchestrator is not None}
    return catalogue_of({service: declared_in(service) for service in services}, sagas)


def declared_in(service: str) -> list[type[Message]]:
    """Returns the message classes that a service declares, in the order of its `messages.py`."""
    room = import_module(f"{registry.package()}.{service}.messages")
    return [
        thing
        for thing in vars(room).values()
        if isinstance(thing, type)
        and issubclass(thing, Message)
        and thing.__module__ == room.__name__
        and "contract" in vars(thing)
    ]
