"""Faults of the network before RabbitMQ and PostgreSQL: reset, half open, slow, cut.

RabbitMQ has a listener for each protocol; what happens before it happens to all of them at once.
"""

from collections.abc import Callable, Iterator, Sequence
from random import Random

from tests.chaos.nemesis.fault import Family
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene

network = Family("network")


def _reset(proxies: Sequence[Proxy], _chance: Random) -> Iterator[str]:
    """Every connection is broken at once."""
    for proxy in proxies:
        proxy.reset()
    yield "all connections"


def _half_open(proxies: Sequence[Proxy], _chance: Random) -> Iterator[str]:
    """Nothing comes through in either direction and nobody is told, until the connections turn out to be dead."""
    for proxy in proxies:
        proxy.hold()
    yield "all connections"
    for proxy in proxies:
        proxy.reset()
        proxy.restore()


def _slow(proxies: Sequence[Proxy], chance: Random) -> Iterator[str]:
    """Every piece of data takes its time."""
    delay_s = round(chance.uniform(0.02, 0.2), 2)
    for proxy in proxies:
        proxy.slow_down(delay_s)
    yield f"{delay_s} s each way"
    _restore(proxies)


def _cut(proxies: Sequence[Proxy], _chance: Random) -> Iterator[str]:
    """Connections are broken and refused."""
    for proxy in proxies:
        proxy.cut()
    yield "all connections"
    _restore(proxies)


def _restore(proxies: Sequence[Proxy]) -> None:
    for proxy in proxies:
        proxy.restore()


def _before_both(
    name: str, for_s: tuple[float, float], injure: Callable[[Sequence[Proxy], Random], Iterator[str]]
) -> None:
    """Makes a fault of each server's network."""

    def before_rabbitmq(scene: Scene, chance: Random) -> Iterator[str]:
        return injure(scene.rabbitmq_proxies, chance)

    def before_postgres(scene: Scene, chance: Random) -> Iterator[str]:
        return injure([scene.postgres_proxy], chance)

    network.fault(f"the network before RabbitMQ {name}", touches={"broker"}, for_s=for_s)(before_rabbitmq)
    network.fault(f"the network before PostgreSQL {name}", touches={"postgres"}, for_s=for_s)(before_postgres)


_before_both("is reset", (0.1, 0.5), _reset)
_before_both("is half open", (3, 12), _half_open)
_before_both("is slow", (2, 5), _slow)
_before_both("is cut", (3, 3), _cut)
