"""What must hold between the sagas that are declared and those that may be under way. Pure; one line for each fault."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.saga_files import SagasOf, declared, form_of
from infirmary.declaring.compatibility import misfits
from infirmary.declaring.schemas import needed_schema
from infirmary.saga.definition import Saga


def stranded_sagas(sagas_of: SagasOf, before: Mapping[Path, str]) -> list[str]:
    """Returns what sagas that began with a committed declaration could not go on by.

    Args:
        sagas_of: What is declared now.
        before: The declarations as they were committed.
    """
    now = dict(declared(sagas_of))
    lines: list[str] = []
    for path, text in before.items():
        was, service = json.loads(text), path.parts[0]
        if path in now:
            lines += (f"{service}: {line}" for line in _changes(was, now[path]))
        elif was["version"] not in _retired(sagas_of, service, was["saga"]):
            lines.append(
                f"{service}: version {was['version']} of saga {was['saga']} is gone, and sagas may still go by it;"
                f" leave it in `before`, or say `retired=[{was['version']}]` when none does"
            )
    return lines


def _retired(sagas_of: SagasOf, service: str, name: str) -> tuple[int, ...]:
    return next((saga.retired for saga in sagas_of.get(service, ()) if saga.name == name), ())


def _changes(was: Mapping[str, Any], saga: Saga[Any]) -> Iterator[str]:
    which = f"version {saga.version} of saga {saga.name}"
    if was["steps"] != form_of(saga)["steps"]:
        yield (
            f"the steps of {which} have changed, and sagas under way go by those that were committed; declare"
            f" version {saga.version + 1} and leave this one in `before`"
        )
    for misfit in misfits(was["data"], needed_schema(saga.data)):
        has = "lack it" if misfit.kind in ("missing", "optional") else f"hold {misfit.written}"
        yield (
            f"{saga.data.__name__}.{misfit.path}: sagas under way that go by {which} {has}; give it a default,"
            f" or declare version {saga.version + 1} with data of its own"
        )
