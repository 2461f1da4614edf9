"""The JSON Schemas as files.

`schemas/Reply.json` for the reply, `<service>/schemas/<Type>.json` for what a service owns,
`<service>/schemas/reads/<peer>.<Type>.json` for what it reads.
"""

import json
from pathlib import Path
from typing import Any

from contracts.declarations import LIBRARY, Catalogue, Declared
from infirmary.declaring.schemas import needed_schema, written_schema


def schema_of(declared: Declared) -> dict[str, Any]:
    """Returns the schema of what is written, for a type that the service owns, or else of what the service needs."""
    return written_schema(declared.message) if declared.is_outward else needed_schema(declared.message)


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
    """Returns the files as the message classes would have them."""
    return {path_of(declared): as_text(schema_of(declared)) for declared in catalogue.declared}


def committed(services: Path) -> dict[Path, str]:
    """Returns the files that are there.

    Args:
        services: The folder of the services.
    """
    found = [
        *services.glob("schemas/*.json"),
        *services.glob("*/schemas/*.json"),
        *services.glob("*/schemas/reads/*.json"),
    ]
    return {path.relative_to(services): path.read_text(encoding="utf-8") for path in found}
