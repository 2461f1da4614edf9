"""The options of all transactions in which a process writes messages."""

from dataclasses import dataclass
from typing import Final

from infirmary.tracing.tracer import NO_TRACER, Tracer

MESSAGE_MAX_BYTES: Final = 1_048_576
"""The largest body of a message, unless a setting says otherwise."""

SCHEMA_URN: Final = "urn:infirmary"
"""How `dataschema` begins, before the service and the type, where nobody has set another beginning."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Made once from the settings and handed on.

    Attributes:
        log_parts: Into how many parts the service's log is split.
        message_max_bytes: The largest body of a message.
        schema_urn: How the names of messages' schemas begin.
        saga_step_timeout_s: How long the first attempt of a saga's step may be silent.
        tracer: Who samples traces and takes spans.
        saga_kept_days: For how long what was answered to a saga is known.
    """

    log_parts: int = 1
    message_max_bytes: int = MESSAGE_MAX_BYTES
    schema_urn: str = SCHEMA_URN
    saga_step_timeout_s: float = 5.0
    tracer: Tracer = NO_TRACER
    saga_kept_days: float = 365.0


DEFAULTS: Final = WriteOptions()
