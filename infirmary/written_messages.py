"""Checks that a service's code publishes and sends only messages of its own; done on the code, before it runs.

A message that the service reads is made by the library alone, so code that makes one means to publish it; and code that
publishes the very message that it was given is seen by the type of that parameter. What comes another way is refused
when it is written (`envelope.outgoing`).
"""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Final

from infirmary.declaring.declaration import Misdeclared, package_of_services, service_of
from infirmary.messages import ALL, OUTWARD, Command, Message, contract_of

_WRITES: Final = ("publish", "send")

Names = Mapping[str, type[Message]]


@lru_cache
def check_written(service: str) -> None:
    """Looks through the modules of a service, unless they are not here.

    Raises:
        Misdeclared: One publishes or sends what is not the service's own to publish or send, or a message class has no
            decorator; the text says where.
    """
    package = package_of_services()
    folder = Path(import_module(package).__path__[0]) / service
    if not (folder / "messages.py").exists():
        return
    for kind in _classes(f"{package}.{service}.messages").values():
        if kind.__module__ == f"{package}.{service}.messages" and not kind.__subclasses__():
            contract_of(kind, *(("sends", "receives") if issubclass(kind, Command) else ("publishes", "reads")))
    for path in sorted(folder.glob("*.py")):
        for wrong in wrongly_written(service, path.name, path.read_text(encoding="utf-8")):
            raise Misdeclared(wrong)


def wrongly_written(service: str, module: str, code: str) -> Iterator[str]:
    """Yields a sentence for each place where a module writes a message that is not the service's own."""
    tree, here = ast.parse(code), f"{package_of_services().replace('.', '/')}/{service}/{module}"
    names = _names_of_messages(tree)
    for again in _classes_of_one_name(tree):
        yield f"{here}:{again.lineno}: there is another class {again.name} above; rename one of them"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            message = names.get(_made(node))
            if message is not None and not _is_own(service, message):
                yield f"{here}:{node.lineno}: {_sentence(service, 'makes a', message)}"
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for line, message in _passed_on(node, names):
                if not _is_own(service, message):
                    yield f"{here}:{line}: {_sentence(service, 'publishes or sends', message)}"


def _classes_of_one_name(tree: ast.Module) -> Iterator[ast.ClassDef]:
    seen: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            if node.name in seen:
                yield node
            seen.add(node.name)


def _is_own(service: str, message: type[Message]) -> bool:
    return contract_of(message, *ALL).direction in OUTWARD and service_of(message.__module__) == service


def _sentence(service: str, does: str, message: type[Message]) -> str:
    contract = contract_of(message, *ALL)
    owner = contract.peer if contract.direction not in OUTWARD else service_of(message.__module__)
    verb, way = ("sends", "@sends") if issubclass(message, Command) else ("publishes", "@publishes")
    return (
        f"{service} {does} {message.__name__}, which only {owner} {verb} (it is declared by @{contract.direction});"
        f" write a message of {service}'s own, declared by {way}"
    )


def _made(call: ast.Call) -> str:
    """Returns the name of the class that a call makes an instance of, if it is one."""
    return ast.unparse(call.func).removesuffix(".model_validate").removesuffix(".model_construct")


def _passed_on(function: ast.FunctionDef | ast.AsyncFunctionDef, names: Names) -> Iterator[tuple[int, type[Message]]]:
    """Yields what a function publishes or sends of its parameters: the line, and the class."""
    typed: dict[str, type[Message]] = {}
    for parameter in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
        kind = names.get(ast.unparse(parameter.annotation).strip("'")) if parameter.annotation else None
        if kind is not None:
            typed[parameter.arg] = kind
    inside = list(ast.walk(function))
    for node in inside:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            typed.pop(node.id, None)  # it may be something else by then
    for node in inside:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _WRITES:
            for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if isinstance(value, ast.Name) and value.id in typed:
                    yield node.lineno, typed[value.id]


def _names_of_messages(tree: ast.Module) -> Names:
    """Returns the classes that a module imports from messages modules, by the names that it has for them.

    `messages.OrderPlaced` is the name of a class of an imported module.
    """
    found: dict[str, type[Message]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(f"{package_of_services()}."):
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
