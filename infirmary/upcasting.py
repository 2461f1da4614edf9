"""Earlier shapes of what a service reads, and the pure functions that lift them to the present one.

A publisher may add a field, and a reader may come to need it while logs still keep messages without it. Where a default
will not do, the reader declares beside its class how the earlier shape looked, and what the missing field is then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from infirmary.declaring.declaration import Misdeclared, check_place, named, service_of
from infirmary.declaring.signature import check_signature
from infirmary.messages import Message, contract_of

S = TypeVar("S", bound="EarlierShape")
M = TypeVar("M", bound=Message)


class EarlierShape(BaseModel):
    """The fields of a message as it was once written, as far as its reader needs them."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Upcaster:
    """How an earlier shape becomes the present one."""

    shape: type[EarlierShape]
    lift: Callable[[Any], Message]


def upcasts(message: type[M]) -> Callable[[Callable[[S], M]], Callable[[S], M]]:
    """Registers what makes a message of an earlier shape of it; a message that has the present shape is not lifted.

    Of several shapes those are tried first that are declared first.

    Raises:
        Misdeclared: The class is not read or received, or the function does not take an earlier shape and return the
            class.
    """
    contract_of(message, "reads", "receives")

    def register(lift: Callable[[S], M]) -> Callable[[S], M]:
        service = service_of(message.__module__)
        if service is not None:
            check_place(service, lift)
        shape = next((kind for name, kind in get_type_hints(lift).items() if name != "return"), None)
        if not (isinstance(shape, type) and issubclass(shape, EarlierShape)):
            raise Misdeclared(f"{named(lift)}: say by its annotation which EarlierShape it takes")
        if not any(field.is_required() for field in shape.model_fields.values()):
            raise Misdeclared(f"{named(shape)} needs no field, so that anything has this shape; name those it had")
        check_signature(lift, shape, [], [message])
        message.upcasters = (*message.upcasters, Upcaster(shape, lift))
        return lift

    return register


def lifted(message: type[M], body: bytes) -> M | None:
    """Returns a body that is not of the present shape, lifted to it; None when it has no shape that is known here.

    Raises:
        Exception: Whatever the function raises that lifts it.
    """
    for upcaster in message.upcasters:
        try:
            earlier = upcaster.shape.model_validate_json(body)
        except ValidationError:
            continue
        made: M = upcaster.lift(earlier)
        return made
    return None
