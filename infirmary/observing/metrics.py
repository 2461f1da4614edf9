"""The metrics of a consumer. The relay has metrics of its own; the API's are in `http`.

What sagas, snapshots and tables tell is with them: `postgres.sagas.watch`, `saga.told`, `snapshots` and `tables`.
"""

from prometheus_client import Counter, Gauge, Histogram

from infirmary.observing.batch_histogram import BatchHistogram

APPLIED = Counter(
    "infirmary_messages_applied_total",
    "How much is a service told? Messages applied, of the types that it handles.",
    ["channel", "type"],
)
DUPLICATES = Counter(
    "infirmary_messages_duplicate_total",
    "Does somebody send twice? Messages dropped because they had been applied.",
    ["channel"],
)
GIVEN_OUT_TWICE = Counter(
    "infirmary_numbers_given_out_twice_total",
    "Was a publisher set back? Messages that are held because another one with their number was applied.",
    ["channel"],
)
PARKED = Counter(
    "infirmary_messages_parked_total",
    "Which messages fail? Messages parked when they came, of the types that are handled; all others are `other`.",
    ["channel", "type"],
)
WAITING = Counter(
    "infirmary_messages_early_total",
    "Do messages come out of order? Messages that came before one that they have to wait for.",
    ["channel"],
)
UNHANDLED = Counter(
    "infirmary_messages_unhandled_total",
    "Which events does nobody here handle? Events passed for good, of the types that the log's publisher declares;"
    " all others are `other`.",
    ["channel", "type"],
)
ROLLED_BACK = Counter(
    "infirmary_batches_rolled_back_total",
    "Does the database send work back? Transactions of a reader that failed and are done again.",
    ["channel"],
)
BATCH = Histogram(
    "infirmary_batch_messages",
    "How many messages share a transaction? Messages of a batch.",
    ["channel"],
    buckets=(1, 2, 5, 10, 20, 50, 100),
)
BATCH_SECONDS = Histogram(
    "infirmary_batch_seconds",
    "How long does a transaction of a reader take? Seconds from its beginning to its commit.",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
END_TO_END = BatchHistogram(
    "infirmary_message_end_to_end_seconds",
    "How long does it take from a commit to its effect at a reader? Seconds from the message's `time`, when it was"
    " written, to the commit of its effect; those that were parked are among them.",
    ["channel"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
HELD = Gauge(
    "infirmary_messages_held",
    "Which messages are not applied? Messages that have failed (`parked`) or that wait for another one or for a lock"
    " (`waiting`), now; 0 in a process that does not read the log.",
    ["channel", "state"],
)
HELD_OLDEST = Gauge(
    "infirmary_held_oldest_timestamp_seconds",
    "Since when is a message not applied? When the oldest one that is held was put there, in unix time; 0 when none"
    " is.",
    ["channel", "state"],
)
MISSING = Gauge(
    "infirmary_messages_missing",
    "Has a log a gap? Events that have not come although later ones of their subject wait; 0 in a process that does"
    " not read the log.",
    ["channel"],
)
POSITION = Gauge(
    "infirmary_log_offset",
    "How far was a log read? Offset of the last message applied; 0 in a process that does not read it.",
    ["log"],
)
LAG = Gauge(
    "infirmary_log_lag_messages",
    "How many messages of a log are not applied yet? About so many, by their offsets; 0 in a process that does not read"
    " it, so that a sum is right.",
    ["log"],
)
CAUGHT_UP = Gauge(
    "infirmary_log_caught_up_timestamp_seconds",
    "Up to when was a log read? The time up to which all that was written into it is applied, in unix time: now at its"
    " end, before it the time of the last message applied; 0 in a process that does not read it, so take the greatest.",
    ["log"],
)
READER_ACTIVE = Gauge(
    "infirmary_log_reader_active",
    "Who reads a log? 1 in the one process that does; 0 in the others.",
    ["log"],
)
STALLED_SINCE = Gauge(
    "infirmary_channel_stalled_since_timestamp_seconds",
    "Is a reader alive, but does not get on? Since when a log has grown while its offset stood still and nothing of it"
    " was held, in unix time, told after STALLED_AFTER_S; 0 when it goes on.",
    ["channel"],
)
UNREADABLE = Gauge(
    "infirmary_channel_unreadable",
    "Can a log be read? 1 while it cannot, by the reason; 0 when it can.",
    ["channel", "reason"],
)
STARTED_OVER = Counter(
    "infirmary_log_started_over_total",
    "Was a log replaced? Logs read anew from their first message because they are not the ones known.",
    ["log"],
)
EXPIRED = Counter(
    "infirmary_log_expired_unread_total",
    "Has retention taken what was not read yet? Offsets of a log that were gone before they were read, about as many as"
    " messages.",
    ["log"],
)
LOST = Gauge(
    "infirmary_log_lost_messages",
    "Is something of a log lost to this service? About so many messages that retention took before they were read,"
    " until their owner has told its state again or an operator has settled it; 0 in a process that does not read the"
    " log.",
    ["log"],
)
REBUILT = Gauge(
    "infirmary_projection_rebuild_ratio",
    "How far is a read model that is filled anew? Share of the messages in the logs read here that are applied, from 0"
    " to 1; 1 when it is up to date, and in a process that reads none; so take the least.",
    ["projection"],
)
RECONNECTS = Counter(
    "infirmary_consumer_reconnects_total",
    "Does a consumer lose its connections? Sessions given up and opened again.",
)
TURNED = Gauge(
    "infirmary_consumer_turned_timestamp_seconds",
    "Does the consumer's loop turn? When it last did, in unix time; it does once a second at least.",
)
