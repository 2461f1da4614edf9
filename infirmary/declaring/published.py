"""The events that each service publishes: a file beside the services, for an image holds the code of one of them."""

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from infirmary.declaring.declaration import package_of_services

FILE: Final = "published.json"


def published_by(service: str) -> frozenset[str]:
    """Returns the types of the events that a service publishes; none of a service that nobody knew of."""
    return _committed().get(service, frozenset())


@cache
def _committed() -> dict[str, frozenset[str]]:
    path = Path(import_module(package_of_services()).__path__[0]) / FILE
    if not path.exists():
        return {}
    return {service: frozenset(types) for service, types in json.loads(path.read_text(encoding="utf-8")).items()}
