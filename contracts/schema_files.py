"""The JSON Schemas as files.

`schemas/<Type>.json` for what the library writes, `<service>/schemas/<Type>.json` for what a service owns,
`<service>/schemas/reads/<peer>.<Type>.json` for what it reads. Sagas have files of their own, beside these.
"""

import json
from pathlib import Path
from typing import Any

from contracts.declarations import LIBRARY, Catalogue, Declared
from contracts.saga_files import SAGAS, saga_files
from infirmary.declaring.schemas import ENDS, needed_schema, written_schema


def schema_of(declared: Declared) -> dict[str, Any]:
    """Returns the schema of what is written, for a type that the service owns, or else of what the service needs."""
    if not declared.is_outward:
        return needed_schema(declared.message)
    return written_schema(declared.message) | ({ENDS: True} if declared.message.contract.ends else {})


def path_of(declared: Declared) -> Path:
    """Returns where a declaration's schema is kept, seen from the folder of the services."""
    folder = Path("schemas") if declared.service == LIBRARY else Path(declared.service) / "schemas"
    if declared.is_outward:
        return folder / f"{declared.type}.json"
    return folder / "reads" / f"{declared.peer}.{declared.type}.json"


def as_text(schema: dict[str, Any]) -> str:
    """Returns a schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def current(catalogue: Catalogue) -> dict[Path, str]:
    """Returns the files as the message classes and sagas would have them."""
    messages = {path_of(declared): as_text(schema_of(declared)) for declared in catalogue.declared}
    return messages | saga_files(catalogue.sagas)


def committed(services: Path) -> dict[Path, str]:
    """Returns the files that are there.

    Args:
        services: The folder of the services.
    """
    found = [
        *services.glob("schemas/*.json"),
        *services.glob("*/schemas/*.json"),
        *services.glob("*/schemas/reads/*.json"),
        *services.glob(SAGAS),
    ]
    return {path.relative_to(services): path.read_text(encoding="utf-8") for path in found}
