"""Faults of RabbitMQ: killed, full, and with a queue that refuses or is gone."""

import contextlib
import signal
import time
from collections.abc import Iterator
from random import Random

from local.servers.rabbitmq import VHOST
from local.topology import Role
from tests.chaos.nemesis.fault import Family, NotNow
from tests.chaos.nemesis.post import Post
from tests.chaos.scene import Scene
from tests.eventually import eventually

broker = Family("broker")

SETTLED_AFTER_DECLARING_S = 1.0
"""A broker that is killed within half a second of declaring a queue may lose it with all that it has confirmed."""

_POLICY = f'<<"{VHOST}">>, <<"nemesis">>'


@broker.fault("RabbitMQ is killed", touches={"broker"}, for_s=(0.5, 4))
def killed(scene: Scene, _chance: Random) -> Iterator[str]:
    """SIGKILL with messages under way."""
    scene.rabbitmq.processes[-1].kill()
    yield "the node"
    scene.rabbitmq.start()


@broker.fault("a memory alarm", touches={"broker"}, for_s=(2, 6))
def memory_alarm(scene: Scene, _chance: Random) -> Iterator[str]:
    """The node says connection.blocked to whoever publishes."""
    scene.tell_rabbitmq("vm_memory_monitor:set_vm_memory_high_watermark(0.0001)")
    yield "the node"
    scene.tell_rabbitmq("vm_memory_monitor:set_vm_memory_high_watermark(0.4)")


@broker.fault("a disk alarm", touches={"broker"}, for_s=(2, 6))
def disk_alarm(scene: Scene, _chance: Random) -> Iterator[str]:
    """The broker's disk is as good as full."""
    scene.tell_rabbitmq('rabbit_disk_monitor:set_disk_free_limit("1000GB")')
    yield "the node"
    scene.tell_rabbitmq('rabbit_disk_monitor:set_disk_free_limit("50MB")')


@broker.fault("an inbox refuses (reject-publish)", touches={"broker"}, for_s=(2, 6))
def inbox_refuses(scene: Scene, chance: Random) -> Iterator[str]:
    """A queue of length one says basic.nack to what comes on top."""
    service = scene.some_service(chance)
    limits = '[{<<"max-length">>, 1}, {<<"overflow">>, <<"reject-publish">>}]'
    queue = f'<<"^{service.name}[.]inbox$">>'
    scene.tell_rabbitmq(f'rabbit_policy:set({_POLICY}, {queue}, {limits}, 0, <<"queues">>, <<"nemesis">>)')
    yield f"{service.name}.inbox"
    scene.tell_rabbitmq(f'rabbit_policy:delete({_POLICY}, <<"nemesis">>)')


@broker.fault("an inbox is deleted while it is empty", touches={"broker", "relays", "consumers"}, for_s=(0.5, 3))
def empty_inbox_deleted(scene: Scene, chance: Random) -> Iterator[str]:
    """Its consumer is cancelled; what is sent meanwhile is returned, and stays in the outboxes."""
    service = scene.some_service(chance)
    queue = f"{service.name}.inbox"
    with _relays_frozen(scene), Post(scene.rabbitmq.url) as post:
        try:
            # Ready messages are counted, those in the consumer's hands are not: it gets a moment to finish.
            eventually(lambda: post.length(queue) == 0, because=f"{queue} is empty", within_s=2)
        except AssertionError as busy:
            raise NotNow(f"{queue} is not empty") from busy
        time.sleep(1)
        scene.hospital.process(service.name, Role.CONSUMER).crash()
        if post.length(queue) != 0:
            raise NotNow(f"{queue} is not empty")
        post.delete(queue)
    yield queue
    with Post(scene.rabbitmq.url) as post:
        eventually(lambda: post.length(queue) is not None, because=f"somebody declares {queue} again", within_s=60)
    time.sleep(SETTLED_AFTER_DECLARING_S)


@contextlib.contextmanager
def _relays_frozen(scene: Scene) -> Iterator[None]:
    """Keeps every message from being sent, so that what is empty stays empty."""
    relays = [process for process in scene.hospital.processes if process.name.endswith("-relay")]
    for relay in relays:
        relay.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for relay in relays:
            relay.send(signal.SIGCONT)
