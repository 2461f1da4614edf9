"""What the metrics say of a batch."""

from prometheus_client import REGISTRY

from services.chassis.consumer.batch_counts import BatchCounts


def said(metric: str, channel: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"infirmary_messages_{metric}_total", {"channel": channel, **labels}) or 0


def test_nothing_is_said_of_a_batch_that_may_still_be_rolled_back() -> None:
    counts = BatchCounts("rolled.back")
    counts.applied("Told")
    counts.held(ValueError("a bug"))
    assert said("applied", "rolled.back", type="Told") == said("parked", "rolled.back") == 0


def test_each_message_of_a_batch_is_counted_as_what_became_of_it() -> None:
    counts = BatchCounts("committed")
    for message_type in ("Told", "Told", "Other"):
        counts.applied(message_type)
    counts.duplicate()
    counts.held(None)
    counts.held(ValueError("a bug"))
    assert (counts.settled, counts.held_messages) == (4, 2)
    counts.tell()
    assert [said("applied", "committed", type=each) for each in ("Told", "Other")] == [2, 1]
    assert [said(metric, "committed") for metric in ("duplicate", "early", "parked")] == [1, 1, 1]
