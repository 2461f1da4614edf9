"""Which services the hospital has, and which logs they write and read: hospital.json, which `make services` writes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_KNOWN: Final[Mapping[str, Mapping[str, Any]]] = json.loads(Path(__file__).with_name("hospital.json").read_text())

HOSPITAL: Final = tuple(_KNOWN)
"""The hospital's own services, which are missed when nobody names them; there may be more."""

PUBLISHERS: Final = tuple(name for name, says in _KNOWN.items() if says["publishes"])
"""Those that have a log of events."""

READS: Final[Mapping[str, Sequence[str]]] = {name: tuple(says["reads"]) for name, says in _KNOWN.items()}
"""The stems of the logs that each of them has to read at least, by its contracts.

`<SERVICE>_READS` says it of any service.
"""
