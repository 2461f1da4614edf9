"""Whether a service's code publishes and sends only messages of its own; seen in the code, before it runs.

It finds `tx.publish(Something(...))`, and a name that the function got as a parameter of such a type or made itself.
What comes another way is refused when it is written (`envelope.outgoing`).
"""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Final

from services.chassis.declaration import Misdeclared
from services.chassis.messages import Command, Direction, Message, contract_of

_SERVICES: Final = Path(__file__).resolve().parent.parent
_WRITES: Final[Mapping[str, Direction]] = {"publish": "publishes", "send": "sends"}

Names = Mapping[str, type[Message]]


@lru_cache
def check_written(service: str) -> None:
    """Looks through the modules of a service, unless they are not here.

    Raises:
        Misdeclared: One publishes or sends what is not the service's own to publish or send, or a message class has no
            decorator; the text says where.
    """
    folder = _SERVICES / service
    if not (folder / "messages.py").exists():
        return
    for kind in _classes(f"services.{service}.messages").values():
        if kind.__module__ == f"services.{service}.messages" and not kind.__subclasses__():
            contract_of(kind, *(("sends", "receives") if issubclass(kind, Command) else ("publishes", "reads")))
    for path in sorted(folder.glob("*.py")):
        for wrong in wrongly_written(service, path.name, path.read_text(encoding="utf-8")):
            raise Misdeclared(wrong)


def wrongly_written(service: str, module: str, code: str) -> Iterator[str]:
    """Yields a sentence for each place where a module writes a message that is not the service's own."""
    tree = ast.parse(code)
    names = _names_of_messages(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for function in functions:
        known = {**names, **_typed(function, names)}
        for call in _writes(function):
            message = _kind_of(call.args[0], known)
            wrong = _what_is_wrong(service, call, message) if message is not None else None
            if wrong is not None:
                yield f"services/{service}/{module}:{call.lineno}: {service} {wrong}"


def _what_is_wrong(service: str, call: ast.Call, message: type[Message]) -> str | None:
    direction = _WRITES[_attribute(call.func)]
    verb = "publishes" if direction == "publishes" else "sends"
    try:
        contract_of(message, direction)
    except Misdeclared as misdeclared:
        return f"{verb} {message.__name__}: {misdeclared}"
    if message.__module__ != f"services.{service}.messages":
        return f"{verb} {message.__name__} of {message.__module__}; a service writes only messages of its own"
    return None


def _writes(function: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _attribute(node.func) in _WRITES and node.args:
            yield node


def _attribute(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""


def _names_of_messages(tree: ast.Module) -> Names:
    """Returns the classes that a module imports from messages modules, by the names that it has for them.

    `messages.PatientCame` is the name of a class of an imported module.
    """
    found: dict[str, type[Message]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("services."):
            continue
        for alias in node.names:
            here = alias.asname or alias.name
            if str(node.module).endswith(".messages"):
                kind = _classes(str(node.module)).get(alias.name)
                found |= {here: kind} if kind is not None else {}
            elif alias.name == "messages":
                found |= {f"{here}.{name}": kind for name, kind in _classes(f"{node.module}.messages").items()}
    return found


def _classes(module: str) -> Names:
    things = vars(import_module(module))
    return {name: kind for name, kind in things.items() if isinstance(kind, type) and issubclass(kind, Message)}


def _typed(function: ast.FunctionDef | ast.AsyncFunctionDef, names: Names) -> Names:
    """Returns the classes of a function's parameters, and of the names that it gives to messages that it makes."""
    found: dict[str, type[Message]] = {}
    for parameter in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
        kind = names.get(ast.unparse(parameter.annotation)) if parameter.annotation else None
        if kind is not None:
            found[parameter.arg] = kind
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            kind = _kind_of(node.value, names)
            if kind is not None:
                found[node.targets[0].id] = kind
            else:
                found.pop(node.targets[0].id, None)
    return found


def _kind_of(value: ast.expr, names: Names) -> type[Message] | None:
    """Returns the class of a message that an expression makes or is the name of."""
    if isinstance(value, ast.Name):
        return names.get(value.id)
    if not isinstance(value, ast.Call):
        return None
    made = ast.unparse(value.func)
    return names.get(made) or names.get(made.removesuffix(".model_validate").removesuffix(".model_construct"))
