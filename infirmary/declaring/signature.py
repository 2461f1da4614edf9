"""Checks that a function can be called as the library will call it; done when it is registered."""

import inspect
from collections.abc import Callable, Collection
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from infirmary.declaring.declaration import Misdeclared, named

_SESSION: Final = "sqlalchemy.orm.session.Session"
_OTHER_SESSIONS: Final = ("sqlalchemy.orm.scoping.scoped_session", "sqlalchemy.ext.asyncio.session.AsyncSession")


def check_signature(
    function: Callable[..., Any], first: type, others: Collection[str], returns: Collection[Any]
) -> None:
    """Makes sure that a function takes what it will be given, and returns what will be looked at.

    Args:
        function: What is registered.
        first: What the first argument will be.
        others: What the further arguments are, in words.
        returns: What its result may be declared as. One that is not declared may be anything.

    Raises:
        Misdeclared: It does not.
    """
    name = named(function)
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise Misdeclared(f"{name}: nobody would await it or go through it; make it a plain function")
    wanted = f"({', '.join([first.__name__, *others])})"
    parameters = list(inspect.signature(function).parameters.values())
    try:
        inspect.signature(function).bind(*[None] * (1 + len(others)))
    except TypeError:
        raise Misdeclared(f"{name} takes {_listed(parameters)}; it is called with {wanted}") from None
    hints = _hints(function)
    kind = hints.get(parameters[0].name, Any)
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if kind is not Any and all(isinstance(each, type) for each in kinds) and not issubclass(first, kinds):
        raise Misdeclared(f"{name} takes a {_phrase(kind)}, and is registered for {first.__name__}; make the two one")
    if "return" in hints and hints["return"] not in returns:
        expected = " or ".join(_phrase(each) for each in returns)
        raise Misdeclared(f"{name} returns {_phrase(hints['return'])}; it should return {expected}")


def wants_session(handler: Callable[..., Any]) -> bool:
    """Says whether a handler asks for a Session of SQLAlchemy, by the annotation of its second parameter.

    Nothing of SQLAlchemy is imported for it: whoever has such a handler has done so.

    Raises:
        Misdeclared: It asks for another kind of Session, or for one that only a type checker knows.
    """
    parameters = list(inspect.signature(handler).parameters.values())
    if len(parameters) == 1:  # it takes whatever comes
        return False
    parameter = parameters[1]
    kind = _hints(handler).get(parameter.name, parameter.annotation)
    if isinstance(kind, str) and kind.rpartition(".")[2] == "Session":
        raise Misdeclared(f"{named(handler)}: import Session at run time, too, and not for type checkers only")
    kind = get_origin(kind) or kind
    names = [named(base) for base in kind.__mro__] if isinstance(kind, type) else []
    if names[:1] == [_SESSION]:
        return True
    if _SESSION in names or any(name in names for name in _OTHER_SESSIONS):
        raise Misdeclared(f"{named(handler)} asks for a {_phrase(kind)}; what it gets is a sqlalchemy.orm.Session")
    if parameter.name == "session":
        raise Misdeclared(f"{named(handler)} gets a Session only for `session: Session`, from sqlalchemy.orm")
    return False


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except (NameError, TypeError):  # of names that only a type checker knows
        return {}


def _listed(parameters: list[inspect.Parameter]) -> str:
    return f"({', '.join(parameter.name for parameter in parameters)})"


def _phrase(kind: Any) -> str:
    if kind is type(None):
        return "None"
    return kind.__name__ if isinstance(kind, type) else str(kind)
