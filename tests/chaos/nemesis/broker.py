"""Faults of RabbitMQ: killed, full, and left by an operator's word."""

from collections.abc import Iterator
from random import Random

from tests.chaos.nemesis.fault import Family
from tests.chaos.scene import Scene
from tests.erlang import CLOSE_CONNECTIONS, evaluate

broker = Family("broker")


@broker.fault("RabbitMQ is killed", touches={"broker"}, for_s=(0.5, 4))
def killed(scene: Scene, _chance: Random) -> Iterator[str]:
    """SIGKILL with messages under way."""
    scene.rabbitmq.processes[-1].kill()
    yield "the node"
    scene.rabbitmq.start()


@broker.fault("RabbitMQ closes its connections", touches={"broker"}, for_s=(0.1, 0.5))
def closes_connections(scene: Scene, _chance: Random) -> Iterator[str]:
    """As an operator may have it do; whoever was connected may come again at once."""
    evaluate(scene.rabbitmq, CLOSE_CONNECTIONS)
    yield "all of them"


@broker.fault("a memory alarm", touches={"broker"}, for_s=(2, 6))
def memory_alarm(scene: Scene, _chance: Random) -> Iterator[str]:
    """The node says connection.blocked to whoever publishes by AMQP; streams go on."""
    evaluate(scene.rabbitmq, "vm_memory_monitor:set_vm_memory_high_watermark(0.0001)")
    yield "the node"
    evaluate(scene.rabbitmq, "vm_memory_monitor:set_vm_memory_high_watermark(0.4)")


@broker.fault("a disk alarm", touches={"broker"}, for_s=(2, 6))
def disk_alarm(scene: Scene, _chance: Random) -> Iterator[str]:
    """The broker's disk is as good as full."""
    evaluate(scene.rabbitmq, 'rabbit_disk_monitor:set_disk_free_limit("1000GB")')
    yield "the node"
    evaluate(scene.rabbitmq, 'rabbit_disk_monitor:set_disk_free_limit("50MB")')
