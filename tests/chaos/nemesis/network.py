"""Faults of the network before RabbitMQ and PostgreSQL: reset, half open, slow, cut."""

from collections.abc import Callable, Iterator
from random import Random

from tests.chaos.nemesis.fault import Family
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene

network = Family("network")


def _reset(proxy: Proxy, _chance: Random) -> Iterator[str]:
    """Every connection is broken at once."""
    proxy.reset()
    yield "all connections"


def _half_open(proxy: Proxy, _chance: Random) -> Iterator[str]:
    """Nothing comes through in either direction and nobody is told, until the connections turn out to be dead."""
    proxy.hold()
    yield "all connections"
    proxy.reset()
    proxy.restore()


def _slow(proxy: Proxy, chance: Random) -> Iterator[str]:
    """Every piece of data takes its time."""
    delay_s = round(chance.uniform(0.02, 0.2), 2)
    proxy.slow_down(delay_s)
    yield f"{delay_s} s each way"
    proxy.restore()


def _cut(proxy: Proxy, _chance: Random) -> Iterator[str]:
    """Connections are broken and refused."""
    proxy.cut()
    yield "all connections"
    proxy.restore()


def _before_both(name: str, for_s: tuple[float, float], injure: Callable[[Proxy, Random], Iterator[str]]) -> None:
    """Makes a fault of each proxy."""

    def before_rabbitmq(scene: Scene, chance: Random) -> Iterator[str]:
        return injure(scene.rabbitmq_proxy, chance)

    def before_postgres(scene: Scene, chance: Random) -> Iterator[str]:
        return injure(scene.postgres_proxy, chance)

    network.fault(f"the network before RabbitMQ {name}", touches={"broker"}, for_s=for_s)(before_rabbitmq)
    network.fault(f"the network before PostgreSQL {name}", touches={"postgres"}, for_s=for_s)(before_postgres)


_before_both("is reset", (0.1, 0.5), _reset)
_before_both("is half open", (3, 12), _half_open)
_before_both("is slow", (2, 5), _slow)
_before_both("is cut", (3, 3), _cut)
