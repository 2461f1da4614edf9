"""All relays of a service come to the same answer about who owns what."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.assignment import PARTITIONS, share

RELAYS = st.sets(st.uuids(), min_size=1, max_size=9)


@given(RELAYS)
def test_every_partition_has_exactly_one_owner(relays: set[UUID]) -> None:
    owned = [partition for relay in relays for partition in share(relay, relays)]
    assert sorted(owned) == list(range(PARTITIONS))


@given(RELAYS)
def test_shares_differ_by_one_at_most(relays: set[UUID]) -> None:
    sizes = [len(share(relay, relays)) for relay in relays]
    assert max(sizes) - min(sizes) <= 1


@given(st.uuids())
def test_a_relay_that_knows_of_no_other_takes_all(relay: UUID) -> None:
    assert share(relay, []) == frozenset(range(PARTITIONS))
