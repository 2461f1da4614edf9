"""A service's table of contents: which message it handles, and how.

A handler of an event takes the event and the transaction. A handler of a command returns its outcome; the chassis
stores it and
replies. Ids, headers, order, retries and duplicates have been seen to before a handler runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from services.chassis.messages import Command, Event

E = TypeVar("E", bound=Event)
C = TypeVar("C", bound=Command)


@dataclass(frozen=True, slots=True)
class Refused:
    """A participant's no: nothing was changed, and the saga is to compensate. `reason` is shown to people."""

    reason: str


Outcome = Refused | None
"""What a command's handler returns: None for done, or why it refused."""

EventHandler = Callable[[Any, Any], None]
CommandHandler = Callable[[Any, Any], Outcome]


class Handlers:
    """The handlers of one service, filled by its `handlers.py`.

    Attributes:
        service: The service's name.
        events: (source, type) to class and handler.
        commands: Type to class and handler.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.events: dict[tuple[str, str], tuple[type[Event], EventHandler]] = {}
        self.commands: dict[str, tuple[type[Command], CommandHandler]] = {}

    def on(self, event: type[E]) -> Callable[[Callable[[E, Any], None]], Callable[[E, Any], None]]:
        """Registers the handler of another service's event."""

        def register(handler: Callable[[E, Any], None]) -> Callable[[E, Any], None]:
            self.events[event.contract.peer, event.__name__] = (event, handler)
            return handler

        return register

    def command(self, command: type[C]) -> Callable[[Callable[[C, Any], Outcome]], Callable[[C, Any], Outcome]]:
        """Registers the handler of a command that does or undoes this service's part of a saga."""

        def register(handler: Callable[[C, Any], Outcome]) -> Callable[[C, Any], Outcome]:
            self.commands[command.__name__] = (command, handler)
            return handler

        return register

    def logs(self) -> list[str]:
        """Returns the names of the logs to read, one for each service whose events are handled."""
        return sorted({f"{source}.events" for source, _ in self.events})
