"""The paths at which an orchestrator asks how a process is; they tell nobody else anything."""

from typing import Final

LIVENESS: Final = "/healthz"
READINESS: Final = "/readyz"
