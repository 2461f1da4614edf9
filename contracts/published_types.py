"""The types of the events that each service publishes, as `services/published.json` holds them for every image."""

import json

from contracts.declarations import Catalogue


def published(catalogue: Catalogue) -> str:
    """Returns the file as the message classes would have it."""
    types: dict[str, list[str]] = {}
    for found in catalogue.declared:
        if found.is_event and found.is_outward:
            types.setdefault(found.service, []).append(found.type)
    return json.dumps({service: sorted(types[service]) for service in sorted(types)}, indent=2) + "\n"
