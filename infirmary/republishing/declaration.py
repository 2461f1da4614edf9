"""What a service tells of the present state of its aggregates, filled by its `republishing.py`.

For each kind of aggregate it says where they are and which events tell how one of them is now. Those are the events
that the service has published anyhow, so that a reader needs no other handlers: a patient is told as one who is
registered, under the present name, and after that as one who is admitted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from infirmary.declaring.declaration import Misdeclared, check_place
from infirmary.identifiers import service_name
from infirmary.messages import Event

F = TypeVar("F", bound=Callable[[Any], Iterable[Event]])


@dataclass(frozen=True, slots=True)
class Kind:
    """The aggregates of one kind.

    Attributes:
        name: What an operator calls them.
        kept: Where they are: what the service's database has for it.
        tell: Returns the events that tell how one is now, all of its own subject; none where there is nothing to tell.
    """

    name: str
    kept: Any
    tell: Callable[[Any], Iterable[Event]]


class Republishing:
    """What one service tells again.

    Attributes:
        service: The service's name.
        kinds: By their names, in the order in which they are told.
    """

    def __init__(self, service: str) -> None:
        """Makes an empty table.

        Raises:
            ValueError: A service cannot have this name.
        """
        self.service = service_name(service)
        self.kinds: dict[str, Kind] = {}

    def of(self, name: str, kept: Any) -> Callable[[F], F]:
        """Registers the function that tells how an aggregate is now.

        Args:
            name: What an operator calls the aggregates of this kind.
            kept: Where they are: `postgres.republishing.Rows` or `mongo.republishing.Documents`.

        Raises:
            Misdeclared: Another function tells of them.
        """

        def register(tell: F) -> F:
            check_place(self.service, tell)
            if name in self.kinds:
                raise Misdeclared(f"{self.service} tells twice how its {name} are; one function is enough")
            self.kinds[name] = Kind(name, kept, tell)
            return tell

        return register
