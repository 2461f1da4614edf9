"""What is observed at once is what would have been observed one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from infirmary.observing.batch_histogram import BatchHistogram

BUCKETS = (0.1, 0.5, 1.0, 300.0)
amounts = st.lists(st.sampled_from((0.0, *BUCKETS)) | st.floats(0, 1e9))


@given(batches=st.lists(amounts))
def test_many_at_once_are_counted_as_one_by_one(batches: list[list[float]]) -> None:
    registry = CollectorRegistry()
    at_once = BatchHistogram("at_once", "?", ["channel"], buckets=BUCKETS, registry=registry).labels("a")
    one_by_one = Histogram("one_by_one", "?", ["channel"], buckets=BUCKETS, registry=registry).labels("a")
    for batch in batches:
        at_once.observe_all(batch)
        for amount in batch:
            one_by_one.observe(amount)
    shown = [
        {(sample.name.rpartition("_")[2], *sample.labels.values()): sample.value for sample in family.samples}
        for family in registry.collect()
    ]
    for each in shown:
        each.pop(("created", "a"), None)
    assert shown[0] == pytest.approx(shown[1]), "sums of another order differ in their last places"
