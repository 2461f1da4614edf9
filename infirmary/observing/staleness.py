"""The staleness of copies of other services' data: of snapshots, and of read models.

Not among the consumer's metrics: an API that reads its snapshots has this one, too, and none of those.
"""

from infirmary.observing.batch_histogram import BatchHistogram

STALENESS = BatchHistogram(
    "infirmary_snapshot_staleness_seconds",
    "How old is a copy of another service's data, a snapshot or a read model? Seconds from the event's `time`, when it"
    " was written, to the commit of what it changes in the copy. The objective: 99 of 100 within 5 s.",
    ["snapshot"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
