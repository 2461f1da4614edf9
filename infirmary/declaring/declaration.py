"""Checks that a message class can be written and read; done when the class is declared.

What is wrong here would pass every check of the types and fail at the first message, which is too late.
"""

import json
import os
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import JsonSchemaMode, PydanticJsonSchemaWarning
from pydantic_core import PydanticSerializationError

from infirmary.identifiers import service_name

_LIBRARY: Final = "infirmary"
_MODES: Final[tuple[JsonSchemaMode, ...]] = ("validation", "serialization")
_CONFIG: Final = ConfigDict(validate_default=True, arbitrary_types_allowed=True)


class Misdeclared(ValueError):
    """A message, a handler or a saga would fail at run time. The text names it, and says how to mend it."""


@cache
def package_of_services() -> str:
    """Returns the name of the Python package that holds the services: INFIRMARY_SERVICES, or `services`.

    Raises:
        Misdeclared: It is no name of a package.
    """
    name = os.environ.get("INFIRMARY_SERVICES", "services")
    if not all(part.isidentifier() for part in name.split(".")):
        raise Misdeclared(
            f"INFIRMARY_SERVICES: should be the name of the package that holds the services, not {name!r}"
        )
    return name


def named(thing: Any) -> str:
    """Returns a class's or function's full name, for people."""
    return f"{thing.__module__}.{getattr(thing, '__qualname__', repr(thing))}"


def service_of(module: str) -> str | None:
    """Returns the service whose module it is; None for what belongs to no service.

    It is a package with `messages` and `handlers`, whatever the package that holds the services is called.
    """
    package = module.rpartition(".")[0]
    if not package or package.partition(".")[0] == _LIBRARY:
        return None
    return package.rpartition(".")[2] if _is_service(package) else service_of(package)


@cache
def _is_service(package: str) -> bool:
    try:
        return all(find_spec(f"{package}.{room}") is not None for room in ("messages", "handlers"))
    except ModuleNotFoundError:
        return False


def check_place(service: str, function: Callable[..., Any]) -> None:
    """Makes sure that a function is registered with its own service and not with another one by a slip of the pen."""
    place = service_of(function.__module__)
    if place not in (None, service):
        raise Misdeclared(f"{named(function)} is {place}'s, and is registered with {service}; write {place} there")


def check_peer(message: type[BaseModel], peer: str) -> None:
    """Makes sure that the service at the other end can be one, and another one."""
    try:
        service_name(peer)
    except ValueError as wrong:
        raise Misdeclared(f"{named(message)}: {wrong}") from None
    if peer == service_of(message.__module__):
        raise Misdeclared(
            f"{named(message)}: {peer} is this service itself; name the one at the other end, and do within a service"
            " what it need not tell itself"
        )


def check_subject(message: type[BaseModel], subject: str) -> None:
    """Makes sure that a field holds the aggregate's id: a text, a UUID or a whole number."""
    field = message.model_fields.get(subject)
    if field is None:
        raise Misdeclared(
            f'{named(message)}: subject="{subject}" names no field of the class; take one of'
            f" {', '.join(message.model_fields) or 'its fields, of which there are none'}"
        )
    if not _is_identifier(field.annotation):
        raise Misdeclared(
            f'{named(message)}: subject="{subject}" should be a field that always holds an id: a str, a UUID or an'
            f" int, not {_phrase(field.annotation)}"
        )


def check_fields(message: type[BaseModel], base: type[BaseModel]) -> None:
    """Makes sure that what is written of a class can be read again, by the names of its fields.

    Args:
        message: The class.
        base: The class of the library that it is made from.
    """
    if not message.__pydantic_complete__:
        raise Misdeclared(
            f"{named(message)}: the type of a field is not known yet; define or import it above the class"
        )
    for name, field in message.model_fields.items():
        of_base = base.model_fields.get(name)
        taken = of_base is None and (hasattr(base, name) or name in base.__class_vars__)
        if taken or (of_base and of_base.annotation != field.annotation):
            raise Misdeclared(
                f"{named(message)}.{name}: the library has a use of its own for the name; take another one"
            )
        if field.alias or field.validation_alias or field.serialization_alias or field.exclude:
            raise Misdeclared(
                f"{named(message)}.{name}: a message is written and read by the names of its fields, all of them; leave"
                " out alias and exclude"
            )
    for problem in _unwritable(message):
        raise Misdeclared(problem)
    _check_defaults(message)


def _unwritable(message: type[BaseModel]) -> Iterator[str]:
    """Yields the fields that JSON cannot hold. Each alone is looked at only if there is something wrong."""
    if _has_schema(message):
        return
    for name, field in message.model_fields.items():
        alone: type[BaseModel] = create_model(name, __config__=_CONFIG, **{name: (field.annotation, field)})  # type: ignore[call-overload]
        if not _has_schema(alone):
            yield (
                f"{named(message)}.{name}: {_phrase(field.annotation)} cannot be written as JSON; take a type that can,"
                " for example str"
            )
    yield f"{named(message)} cannot be written as JSON; look at its computed fields and serializers"


def _has_schema(model: type[BaseModel]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PydanticJsonSchemaWarning)  # of defaults, which are looked at by themselves
            schemas = [model.model_json_schema(mode=mode) for mode in _MODES]
    except PydanticUserError:
        return False
    return '"format": "binary"' not in json.dumps(schemas)


def _check_defaults(message: type[BaseModel]) -> None:
    """Makes sure that each default is what its field may hold: pydantic takes any, and readers would get it."""
    optional = {
        name: (field.annotation, field) for name, field in message.model_fields.items() if not field.is_required()
    }
    if not optional:
        return
    model: type[BaseModel] = create_model("Defaults", __config__=_CONFIG, **optional)  # type: ignore[call-overload]
    try:
        model().model_dump_json()
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        raise Misdeclared(
            f"{named(message)}.{first['loc'][0]}: its default is not of its type: {first['msg']}"
        ) from None
    except PydanticSerializationError as unwritable:
        raise Misdeclared(f"{named(message)}: a default cannot be written as JSON: {unwritable}") from None


def _is_identifier(kind: Any) -> bool:
    kind = getattr(kind, "__value__", getattr(kind, "__supertype__", kind))  # `type X = ...` and NewType
    if get_origin(kind) in (Union, UnionType):
        return all(_is_identifier(each) for each in get_args(kind))
    if get_origin(kind) is Literal:
        return all(isinstance(value, str) for value in get_args(kind))
    if hasattr(kind, "__metadata__"):
        return _is_identifier(get_args(kind)[0])
    return (
        isinstance(kind, type)
        and issubclass(kind, (str, int, UUID))
        and not issubclass(kind, bool)
        and (kind.__str__ in (str.__str__, int.__str__, UUID.__str__, object.__str__))
    )


def _phrase(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
