"""A relay keeps the lease of a partition until what is in flight of it has settled, also when that takes long.

Two stories in the world of the model, told as short as they can be: of one that hypothesis found, both came out.
"""

import logging
from collections.abc import Iterator
from uuid import UUID

import pytest

from infirmary_relay.sources.mongo_lease import LEASE_S
from tests.unit.relay.protocol.mongo_language import moment
from tests.unit.relay.protocol.on_mongo import MongoProtocol
from tests.unit.relay.protocol.world import SUBJECTS
from tests.unit.relay.test_protocol_over_streams import MongoOverStreams

_MOST_STEPS = 200
_HEARTBEAT_STEPS = 10
"""From the wait before a heartbeat to beyond its last statement."""


@pytest.fixture(params=[MongoProtocol, MongoOverStreams], ids=["amqp", "streams"])
def world(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[MongoProtocol]:
    """Two relays with messages of three partitions in flight, of which a third relay wants one; the broker is silent.

    In the end all that was promised is looked at.
    """
    caplog.set_level(logging.CRITICAL, "infirmary_relay")
    world: MongoProtocol = request.param()
    world.begin(log_is_there=True)
    for subject in SUBJECTS:
        world.somebody_writes(subject=subject, count=1, nudges=True)
    _go_on_until_all_are_in_flight(world)
    world.join()
    while str(world.processes[-1].relay_id) not in world.database.leases:
        world.processes[-1].go_on()
    yield world
    world.teardown()


def test_a_partition_that_another_relay_wants_is_kept_for_as_long_as_the_broker_is_silent(world: MongoProtocol) -> None:
    holders = _holders(world)
    for _ in range(5):
        world.now += 1.0
        for process in world.processes:
            process.go_on(_HEARTBEAT_STEPS)
    assert _holders(world) == holders


def test_a_relay_that_is_late_by_its_own_clock_keeps_what_the_databases_clock_leaves_it(world: MongoProtocol) -> None:
    holders = _holders(world)
    while world.database.leases[0]["until"] > moment(world.now + LEASE_S / 8):
        world.now += LEASE_S / 16
    for process in world.processes[:-1]:
        process.go_on(_HEARTBEAT_STEPS)
    assert _holders(world) == holders


def _go_on_until_all_are_in_flight(world: MongoProtocol) -> None:
    for _ in range(_MOST_STEPS):
        if sum(len(each.in_flight()) for each in world.broker.connections) == len(SUBJECTS):
            return
        for process in world.processes:
            process.go_on()
    pytest.fail("the relays do not publish")


def _holders(world: MongoProtocol) -> dict[int, UUID]:
    """Whose each partition is of which something is in flight."""
    return {partition: UUID(world.database.leases[partition]["holder"]) for partition in SUBJECTS.values()}
