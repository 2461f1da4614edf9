"""Two services in a temporary working copy: an inventory, and a billing that reads from it."""

from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import create_model

from contracts.declarations import Catalogue, catalogue_of
from contracts.rules import Handled
from contracts.working_copy import WorkingCopy
from infirmary.messages import Command, Event, Message, publishes, reads, receives, sends
from infirmary.saga.definition import Saga

RESERVED: dict[str, Any] = {"prescription_id": UUID, "unit_price": str, "kind": str}
READ: dict[str, Any] = {"prescription_id": UUID, "unit_price": str}


class Hospital:
    """The message classes of the two services and the sagas of inventory, which a test may change, and their files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inventory: list[type[Message]] = [stock_reserved(**RESERVED)]
        self.billing: list[type[Message]] = [stock_reserved_as_read(**READ)]
        self.handled: dict[str, set[type[Message]]] | None = None
        self.sagas: list[Saga[Any]] = []
        (root / "docs").mkdir()

    @property
    def catalogue(self) -> Catalogue:
        return catalogue_of({"inventory": self.inventory, "billing": self.billing}, {"inventory": self.sagas})

    @property
    def working_copy(self) -> WorkingCopy:
        return WorkingCopy(self.root, self.catalogue, self._handlers())

    def breaking(self) -> list[str]:
        """What a check finds to break a promise."""
        return self.working_copy.check().breaking

    def schema_file(self, name: str) -> Path:
        return self.root / "services" / name

    def _handlers(self) -> Handled:
        if self.handled is not None:
            return self.handled
        return {"billing": {message for message in self.billing if message.contract.direction in ("reads", "receives")}}


def stock_reserved(**fields: Any) -> type[Message]:
    """The event as inventory publishes it; `(type, default)` is a field with a default."""
    return publishes(subject="prescription_id")(_message("StockReserved", Event, fields))


def stock_reserved_as_read(**fields: Any) -> type[Message]:
    """The event as billing reads it."""
    return reads("inventory")(_message("StockReserved", Event, fields))


def charge(to: str) -> type[Message]:
    """A command of inventory's."""
    return sends(to)(_message("Charge", Command, {"prescription_id": UUID}))


def charge_as_received() -> type[Message]:
    """The command as billing receives it."""
    return receives("inventory")(_message("Charge", Command, {"prescription_id": UUID}))


def _message(name: str, base: type[Message], fields: dict[str, Any]) -> type[Message]:
    complete: dict[str, Any] = {
        field: kind if isinstance(kind, tuple) else (kind, ...) for field, kind in fields.items()
    }
    created: type[Message] = create_model(name, __base__=base, **complete)
    return created
