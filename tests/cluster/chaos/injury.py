"""What a fault leaves behind in a cluster, and how it is seen that Kubernetes has put it right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.chaos.schedule import Kind
from tests.cluster.cluster import Cluster, Instance


@dataclass(frozen=True, slots=True)
class InjuredProcess:
    """One process that was injured.

    Attributes:
        service: Of the service or the server.
        role: None for a server.
        instance: The process as it was; its successor is another one.
    """

    service: str
    role: str | None
    instance: Instance

    def has_successor(self, cluster: Cluster) -> bool:
        """Says whether others than the one that was injured are there, and ready."""
        ready = cluster.ready_instances(self.service, self.role)
        return bool(ready) and self.instance not in ready


@dataclass(frozen=True, slots=True)
class Injury:
    """What a fault has done.

    Attributes:
        what: To whom, for the report.
        injured: All of these must have a successor before it is over.
        heal: What has to be undone when the fault's time is up; most faults leave everything to Kubernetes.
    """

    what: str
    injured: Sequence[InjuredProcess]
    heal: Callable[[], None] = field(default=lambda: None)

    def is_over(self, cluster: Cluster) -> bool:
        """Says whether everything that was injured has a successor that is ready."""
        return all(process.has_successor(cluster) for process in self.injured)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that the nemesis can do; `strike` raises a LookupError when there is no occasion for it."""

    kind: Kind
    strike: Callable[[Cluster, Random], Injury]
