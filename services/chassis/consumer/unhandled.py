"""Events of types that nobody here handles. They are passed for good, so somebody should know of them."""

import logging
import re
from typing import Final

from services.chassis import metrics

log = logging.getLogger(__name__)

OTHER: Final = "other"
"""In place of a type that this service does not declare: a label must not hold whatever somebody chooses to send."""

MOST_TYPES: Final = 20
"""So many types of a log are told by name. The names are its publisher's, and there could be any number of them."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")

_types: Final[dict[str, set[str]]] = {}
"""The types that are told by name, by log, for as long as the process lives; as its metrics are."""


def passed(log_name: str, message_type: str, count: int) -> None:
    """Counts events that were passed, and tells of their type once."""
    known = _types.setdefault(log_name, set())
    has_room = len(known) < MOST_TYPES and _NAME.fullmatch(message_type) is not None
    label = message_type if message_type in known or has_room else OTHER
    if label not in known:
        known.add(label)
        log.info("%s: events of type %.80r are not handled here, and are passed for good", log_name, message_type)
    metrics.UNHANDLED.labels(log_name, label).inc(count)
