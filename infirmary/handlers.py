"""A service's table of contents: which message it handles, and how.

A handler of an event takes the event and the transaction, or a Session of SQLAlchemy in it (`session: Session`). A
handler of a command returns its outcome; the library stores it and replies. Ids, headers, order, retries and duplicates
have been seen to before a handler runs.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from infirmary.declaring.declaration import Misdeclared, check_place, named
from infirmary.declaring.signature import check_signature, wants_session
from infirmary.identifiers import service_name
from infirmary.messages import Command, Event, Message, Notice, contract_of
from infirmary.transport.log_names import events_of, log_to

E = TypeVar("E", bound=Event)
C = TypeVar("C", bound=Command)
N = TypeVar("N", bound=Notice)
K = TypeVar("K")
H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Refused:
    """A participant's no: nothing was changed, and the saga is to compensate. `reason` is shown to people."""

    reason: str


class LeftToAnother(LookupError):
    """A message that another release of the service is to apply; the text says what this one lacks for it."""


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
        notices: Type to class and handler.
        noticed_by: The services that tell notices.
        projection: The read model that its events fill, and that can be filled anew from the logs; None without one.
        with_session: Those handlers that take a Session of SQLAlchemy instead of the transaction.
        only_news: (source, type) of the events of which state messages come to no handler.
    """

    def __init__(self, service: str, projection: str | None = None) -> None:
        """Makes an empty table.

        Raises:
            ValueError: A service cannot have this name.
        """
        self.service, self.projection = service_name(service), projection
        self.events: dict[tuple[str, str], tuple[type[Event], EventHandler]] = {}
        self.commands: dict[str, tuple[type[Command], CommandHandler]] = {}
        self.notices: dict[str, tuple[type[Notice], EventHandler]] = {}
        self.noticed_by: set[str] = set()
        self.with_session: set[Callable[..., Any]] = set()
        self.only_news: set[tuple[str, str]] = set()

    def on(
        self, *events: type[E], only_news: bool = False
    ) -> Callable[[Callable[[E, Any], None]], Callable[[E, Any], None]]:
        """Registers the handler of another service's event, or of several that it treats alike.

        Args:
            events: Their classes.
            only_news: Whether the handler does what is to be done when something has just happened, such as to tell a
                patient, and not when a state message says that it happened once: such a message goes past it.

        Raises:
            Misdeclared: A class is not declared by @reads, the function cannot handle it, or another one does.
        """
        if not events:
            raise Misdeclared(f"{self.service}: on() names no event; write the class that the function handles")
        sources = [self._other_end(contract_of(event, "reads").peer, event) for event in events]

        def register(handler: Callable[[E, Any], None]) -> Callable[[E, Any], None]:
            check_place(self.service, handler)
            for source, event in zip(sources, events, strict=True):
                check_signature(handler, event, ["tx"], [type(None)])
                self._handle_once(self.events, (source, event.__name__), event, handler)
                if only_news:
                    self.only_news.add((source, event.__name__))
            return handler

        return register

    def command(self, command: type[C]) -> Callable[[Callable[[C, Any], Outcome]], Callable[[C, Any], Outcome]]:
        """Registers the handler of a command that does or undoes this service's part of a saga.

        Raises:
            Misdeclared: The class is not declared by @receives, the function cannot handle it, or another one does.
        """
        self._other_end(contract_of(command, "receives").peer, command)

        def register(handler: Callable[[C, Any], Outcome]) -> Callable[[C, Any], Outcome]:
            check_place(self.service, handler)
            check_signature(handler, command, ["tx"], [Outcome, Refused, type(None)])
            self._handle_once(self.commands, command.__name__, command, handler)
            return handler

        return register

    def notice(
        self, notice: type[N], sources: Iterable[str]
    ) -> Callable[[Callable[[N, Any], None]], Callable[[N, Any], None]]:
        """Registers the handler of what services tell this one, which answers nothing.

        Args:
            notice: Its class.
            sources: Who tells it; this service itself may be among them.

        Raises:
            Misdeclared: The function cannot handle it, or another one does.
        """
        self.noticed_by.update(map(service_name, sources))

        def register(handler: Callable[[N, Any], None]) -> Callable[[N, Any], None]:
            check_place(self.service, handler)
            check_signature(handler, notice, ["tx"], [type(None)])
            self._handle_once(self.notices, notice.__name__, notice, handler)
            return handler

        return register

    def _other_end(self, peer: str, message: type[Message]) -> str:
        if peer == self.service:
            raise Misdeclared(f"{named(message)}: {peer} is this service itself; name the one at the other end")
        return peer

    def _handle_once(self, table: dict[K, tuple[type[Any], H]], key: K, message: type[Message], handler: H) -> None:
        if key in table:
            of_it, other = table[key]
            raise Misdeclared(
                f"{named(message)} is handled by {named(other)} and by {named(handler)}; one function handles a message"
                if of_it is message
                else f"{self.service} handles two messages called {message.__name__}, {named(of_it)} and"
                f" {named(message)}; rename one of them, at its sender, too"
            )
        if wants_session(handler):
            self.with_session.add(handler)
        table[key] = message, handler

    def commanded_by(self) -> set[str]:
        """Returns the services whose sagas this one takes part in."""
        return {kind.contract.peer for kind, _ in self.commands.values()}

    def logs(self, asked: Collection[str] = ()) -> list[str]:
        """Returns the names of the logs to read: of events that are handled, of commands, replies and notices.

        Args:
            asked: The participants of the service's own sagas, who reply.
        """
        speakers = self.commanded_by() | self.noticed_by | set(asked)
        return sorted(
            {events_of(source) for source, _ in self.events} | {log_to(peer, self.service) for peer in speakers}
        )

    def logs_to_peers(self, asked: Collection[str] = ()) -> list[str]:
        """Returns the names of the logs of commands and replies that the service writes.

        Args:
            asked: The participants of the service's own sagas, who are sent commands.
        """
        return [log_to(self.service, peer) for peer in sorted(self.commanded_by() | set(asked))]
