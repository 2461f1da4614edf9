"""The declarations of sagas as files: `<service>/schemas/sagas/<saga>.<version>.json`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from infirmary.declaring.schemas import written_schema
from infirmary.saga.definition import Saga, Step

SAGAS: Final = "*/schemas/sagas/*.json"
"""Where all of them are, seen from the folder of the services."""

SagasOf = Mapping[str, Iterable[Saga[Any]]]
"""Per service the newest versions of the sagas that it leads."""


def saga_files(sagas_of: SagasOf) -> dict[Path, str]:
    """Returns the files as the declarations would have them, seen from the folder of the services."""
    return {path: json.dumps(form_of(saga), indent=2) + "\n" for path, saga in declared(sagas_of)}


def declared(sagas_of: SagasOf) -> Iterator[tuple[Path, Saga[Any]]]:
    """Yields each version of each saga, with the path of its file."""
    for service, sagas in sagas_of.items():
        for saga in (version for newest in sagas for version in newest.versions()):
            yield path_of(service, saga.name, saga.version), saga


def path_of(service: str, name: str, version: int) -> Path:
    """Returns where a declaration is kept, seen from the folder of the services."""
    return Path(service, "schemas", "sagas", f"{name}.{version}.json")


def form_of(saga: Saga[Any]) -> dict[str, Any]:
    """Returns what sagas that are under way go by: the steps, and the data as they are stored."""
    steps = [_form_of_step(step) for step in saga.steps]
    return {"saga": saga.name, "version": saga.version, "steps": steps, "data": written_schema(saga.data)}


def _form_of_step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": "pivot" if step.pivot else "retriable" if step.retriable else "compensatable",
        "participant": step.command.contract.peer,
        "command": step.command.__name__,
        "compensation": None if step.compensation is None else step.compensation.__name__,
    }
