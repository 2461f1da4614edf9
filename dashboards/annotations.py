"""What happened, as marks in every panel: versions that came, processes that started, faults that were injected."""

from collections.abc import Mapping
from typing import Any, Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as shape

from dashboards.drawn import DATASOURCE
from dashboards.selecting import ours

_STEP_S: Final = 60
"""An event is looked for in each step and belongs to one of them, so it is marked once."""

_BUILDS: Final = ("infirmary_build_info", "outbox_relay_build_info")
_NOW: Final = " or ".join(ours(metric) for metric in _BUILDS)
_BEFORE: Final = " or ".join(f"{ours(metric)} offset {_STEP_S}s" for metric in _BUILDS)

DEPLOYED: Final = (
    f"group by (service, role, version) ({_NOW}) unless group by (service, role, version) ({_BEFORE})"
)  # fmt: skip
STARTED: Final = ours("process_start_time_seconds")
RESTARTED: Final = f"count by (service, role) (time() - {STARTED} < {_STEP_S})"
INJECTED: Final = "max by (fault) (infirmary_chaos_fault) > 0"


class _Marks(Builder[shape.AnnotationQuery]):
    """The SDK's annotation knows nothing of what Prometheus' ones are called and how often they look."""

    def __init__(self, name: str, color: str, expression: str, **words: str) -> None:
        self._made = _Prometheus(name=name, datasource=DATASOURCE, enable=True, icon_color=color, expr=expression)
        self._made.words = words

    def build(self) -> shape.AnnotationQuery:
        return self._made


class _Prometheus(shape.AnnotationQuery):
    words: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "step": f"{_STEP_S}s", **self.words}


def annotations() -> list[Builder[shape.AnnotationQuery]]:
    """Returns the marks of every dashboard."""
    return [
        _Marks("Deployments", "blue", DEPLOYED,
               titleFormat="{{service}} {{role}} runs {{version}}", tagKeys="service,role,version"),
        _Marks("Restarts", "orange", RESTARTED,
               titleFormat="{{service}} {{role}} has started", tagKeys="service,role"),
        _Marks("Chaos", "red", INJECTED,
               titleFormat="Injected: {{fault}}", tagKeys="fault"),
    ]  # fmt: skip
