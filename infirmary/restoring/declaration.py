"""How a service makes its state again from its own events, filled by its `restoring.py`.

A database that was restored from a backup lacks what happened since. The service's own log tells it: for each of its
events a function makes the change of state that the event tells of, and publishes nothing. Each is called once for each
event, in the order of the log, which for one subject is that of its sequence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast, get_args
from uuid import UUID

from pydantic import AliasChoices, BaseModel

from infirmary.declaring.compatibility import misfits
from infirmary.declaring.declaration import Misdeclared, check_place, named, service_of
from infirmary.declaring.schemas import needed_schema, written_schema
from infirmary.declaring.signature import check_signature
from infirmary.identifiers import service_name
from infirmary.messages import Event, contract_of
from infirmary.registry import folder, room
from infirmary.saga.definition import Saga
from infirmary.transport.envelope import unix_time
from infirmary.transport.message_writer import MessageWriter

R = TypeVar("R", bound=Callable[[Any, Any], None])

Restorer = Callable[[Any, Any], None]
"""Takes an event and the transaction, and makes the state that the event tells of."""

SAGA_ID = "saga_id"
"""The field of an event that holds the id of the saga that it begins or ends, where that is not its subject."""

REASON = "reason"
"""The field that holds why a saga has failed."""


@dataclass(frozen=True, slots=True)
class SagaTold:
    """The events by which a saga's beginning and its end can be known from the log.

    Attributes:
        saga: The declaration.
        begins: Holds the saga's data.
        completes: Is told when every step has succeeded.
        fails: Is told when everything has been undone; None of a saga that tries each step until it succeeds.
    """

    saga: Saga[Any]
    begins: type[Event]
    completes: type[Event]
    fails: type[Event] | None

    def events(self) -> tuple[type[Event], ...]:
        """Returns all of them."""
        return (self.begins, self.completes) if self.fails is None else (self.begins, self.completes, self.fails)


class Restoring:
    """What makes the state of one service again.

    Attributes:
        service: The service's name.
        events: The name of an event to its class and its function.
        unchanging: The name of an event that changes no state of this service to the reason, in words.
        sagas: The name of each saga to the events that tell of it.
    """

    def __init__(self, service: str) -> None:
        """Makes an empty table.

        Raises:
            ValueError: A service cannot have this name.
        """
        self.service = service_name(service)
        self.events: dict[str, tuple[type[Event], Restorer]] = {}
        self.unchanging: dict[str, str] = {}
        self.sagas: dict[str, SagaTold] = {}

    def of(self, *events: type[Event]) -> Callable[[R], R]:
        """Registers the function that makes again the state that one of the service's own events tells of.

        Raises:
            Misdeclared: A class is not this service's own event, the function cannot take it, or another one does.
        """
        if not events:
            raise Misdeclared(f"{self.service}: of() names no event; write the class that the function restores from")
        for event in events:
            self._check_own(event)

        def register(restorer: R) -> R:
            check_place(self.service, restorer)
            for event in events:
                check_signature(restorer, event, ["tx"], [type(None)])
                self._once(event)
                self.events[event.__name__] = event, restorer
            return restorer

        return register

    def changes_nothing(self, *events: type[Event], because: str) -> None:
        """Says of events that the service's state is the same without them, and why.

        Raises:
            Misdeclared: A class is not this service's own event, a function restores from it, or there is no reason.
        """
        if not because:
            raise Misdeclared(f"{self.service}: say because of what the state is the same without the event")
        for event in events:
            self._check_own(event)
            self._once(event)
            self.unchanging[event.__name__] = because

    def saga(
        self, saga: Saga[Any], *, begins: type[Event], completes: type[Event], fails: type[Event] | None = None
    ) -> None:
        """Says which events tell that a saga of this service has begun, and how it has ended.

        The id of the saga is the event's field `saga_id`, or its subject where it has none; an event whose `saga_id` is
        None tells of no saga. `begins` holds all of the saga's data in fields of the same names, `fails` a `reason`; a
        saga that tries each step until it succeeds has no `fails`.
        An event may be one of these and have a function, too.

        Raises:
            Misdeclared: A class is not this service's own event or lacks a field, or the saga is declared twice.
        """
        told = SagaTold(saga, begins, completes, fails)
        if saga.name in self.sagas:
            raise saga.refuse(f"{self.service} says twice which events tell of it; once is enough")
        for event in told.events():
            self._check_own(event)
            _check_saga_id(saga, event)
        _check_data(saga, begins)
        if fails is None:
            if not all(step.retriable for step in saga.steps):
                raise saga.refuse("it can fail; say which event tells that it has")
        elif REASON not in fails.model_fields:
            raise saga.refuse(f"{named(fails)} has no field {REASON}; add it, so that the log tells why it has failed")
        self.sagas[saga.name] = told

    def knows(self, event: type[Event]) -> bool:
        """Says whether it is declared what an event does to the state."""
        of_sagas = {each.__name__ for told in self.sagas.values() for each in told.events()}
        return event.__name__ in {*self.events, *self.unchanging, *of_sagas}

    def _check_own(self, event: type[Event]) -> None:
        contract_of(event, "publishes")
        owner = service_of(event.__module__)
        if owner not in (None, self.service):
            raise Misdeclared(
                f"{named(event)} is {owner}'s, and {self.service} makes its state from its own events; others' messages"
                " are read again by its consumer"
            )

    def _once(self, event: type[Event]) -> None:
        if event.__name__ in self.events:
            raise Misdeclared(f"{named(event)} is restored by {named(self.events[event.__name__][1])}; one is enough")
        if event.__name__ in self.unchanging:
            raise Misdeclared(f"{named(event)} is said to change nothing; take that back, or the function")


def restoring_of(service: str) -> Restoring:
    """Returns what makes a service's state again; an empty table where it has no `restoring.py`."""
    if not (folder() / service / "restoring.py").exists():
        return Restoring(service)
    return cast("Restoring", room(service, "restoring").restoring)


def said_at(tx: MessageWriter) -> datetime:
    """Returns when the event that is restored from was written: the time that its change has in the state."""
    at = unix_time(tx.written_at)
    if at is None:
        raise ValueError(f"the time of the event is none: {tx.written_at!r:.80}")
    return datetime.fromtimestamp(at, UTC)


def _check_saga_id(saga: Saga[Any], event: type[Event]) -> None:
    field = event.model_fields.get(SAGA_ID)
    named_so = SAGA_ID if field is not None else event.contract.subject_field
    kind = event.model_fields[named_so].annotation
    if not {UUID, type(None)} >= set(get_args(kind) or (kind,)):
        raise saga.refuse(f"{named(event)}.{named_so} should be the UUID of the saga; add a field {SAGA_ID} that is")


def _check_data(saga: Saga[Any], event: type[BaseModel]) -> None:
    """Makes sure that a saga's data can be made of the event that tells that it has begun."""
    needed = needed_schema(saga.data)
    for field in saga.data.model_fields.values():
        choices = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
        for told_as in (choice for choice in choices[1:] if choice in event.model_fields):
            needed = _renamed(needed, str(choices[0]), str(told_as))
    for misfit in misfits(written_schema(event), needed):
        raise saga.refuse(
            f"{named(event)} tells that it has begun, and lacks {misfit.path} as {saga.data.__name__} has it; add it"
        )


def _renamed(needed: dict[str, Any], name: str, told_as: str) -> dict[str, Any]:
    """Returns a schema in which a field has the name that an event has for it: a schema knows a field's first alias."""
    properties = {told_as if each == name else each: kind for each, kind in needed["properties"].items()}
    required = [told_as if each == name else each for each in needed.get("required", ())]
    return {**needed, "properties": properties, "required": required}
