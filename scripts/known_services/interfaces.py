"""What is known of the services from their own folders: who publishes, who reads whom, and which paths they answer."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from local.plan import logs_read_by
from local.topology import Service

_ENDPOINT: Final = re.compile(r'\.endpoint\(\s*"[A-Z]+",\s*"/([a-z-]+)')


def hospital(services: Iterable[Service], folder: Path) -> str:
    """Returns what the audit knows of each service, as JSON: whether it has a log of events, and which logs it reads.

    Args:
        services: Whom to speak of.
        folder: Where the services' packages are, with their contracts.
    """
    publishing = json.loads((folder / "published.json").read_text())
    known = {each.name: {"publishes": each.name in publishing, "reads": logs_read_by(each.name)} for each in services}
    lines = (f"  {json.dumps(name)}: {json.dumps(says)}" for name, says in known.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def paths_of(service: Service, folder: Path) -> list[str]:
    """Returns what the paths of a service's endpoints begin with."""
    files = sorted((folder / service.name).rglob("*.py"))
    return list(dict.fromkeys(path for file in files for path in _ENDPOINT.findall(file.read_text())))
