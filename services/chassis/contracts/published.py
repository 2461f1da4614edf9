"""Which events each service publishes, as a file that every image holds: it has the code of one service only."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.chassis.contracts.declarations import Catalogue

PUBLISHED = Path("chassis/contracts/published.json")
"""Where the file is, seen from the folder of the services."""


def published(catalogue: "Catalogue") -> str:
    """Returns the file as the message classes would have it."""
    types: dict[str, list[str]] = {}
    for found in catalogue.declared:
        if found.is_event and found.is_outward:
            types.setdefault(found.service, []).append(found.type)
    return json.dumps({service: sorted(types[service]) for service in sorted(types)}, indent=2) + "\n"


def published_by(service: str) -> frozenset[str]:
    """Returns the types of the events that a service publishes; none of a service that nobody knew of."""
    return _committed().get(service, frozenset())


@cache
def _committed() -> dict[str, frozenset[str]]:
    path = Path(__file__).resolve().with_name(PUBLISHED.name)
    return {service: frozenset(types) for service, types in json.loads(path.read_text(encoding="utf-8")).items()}
