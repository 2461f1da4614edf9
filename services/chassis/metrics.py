"""What a consumer tells the monitoring system. The relay has metrics of its own; the API's are in `http`."""

from prometheus_client import Counter, Gauge, Histogram

APPLIED = Counter("infirmary_messages_applied_total", "Messages applied, by channel and type.", ["channel", "type"])
DUPLICATES = Counter(
    "infirmary_messages_duplicate_total", "Messages dropped because they had been applied.", ["channel"]
)
PARKED = Counter("infirmary_messages_parked_total", "Messages that could not be applied when they came.", ["channel"])
WAITING = Counter("infirmary_messages_early_total", "Events that came before the one they follow.", ["channel"])
ROLLED_BACK = Counter("infirmary_batches_rolled_back_total", "Batches to be tried again whole.", ["channel"])
STARTED_OVER = Counter(
    "infirmary_log_started_over_total", "Logs read anew because they are not the ones known.", ["log"]
)
BATCH = Histogram(
    "infirmary_batch_messages", "Messages in one transaction.", ["channel"], buckets=(1, 2, 5, 10, 20, 50, 100)
)
HELD = Gauge("infirmary_messages_held", "Messages parked or waiting now.", ["channel"])
MISSING = Gauge(
    "infirmary_messages_missing", "Events that have not come although later ones of their subject wait.", ["channel"]
)
POSITION = Gauge("infirmary_log_offset", "Offset of the last message applied.", ["log"])
LAG = Gauge("infirmary_log_lag_messages", "Messages of a log not applied yet; 0 where others read it.", ["log"])
CAUGHT_UP = Gauge(
    "infirmary_log_caught_up_timestamp_seconds",
    "When a log was last read to its end; 0 where another process reads it.",
    ["log"],
)
READER_ACTIVE = Gauge("infirmary_log_reader_active", "Whether this process is the one that reads a log.", ["log"])
UNREADABLE = Gauge(
    "infirmary_channel_unreadable", "1 while a log or the inbox cannot be read, by the reason.", ["channel", "kind"]
)
UNHANDLED = Counter(
    "infirmary_messages_unhandled_total",
    "Events that were passed because nobody here handles their type.",
    ["channel", "type"],
)
RECONNECTS = Counter("infirmary_consumer_reconnects_total", "Sessions given up after a lost connection.")
SAGAS_PARKED = Gauge("infirmary_sagas_parked", "Sagas that wait for an operator.")
SAGA_TIMEOUTS = Counter("infirmary_saga_timeouts_total", "Saga steps taken up because nobody answered.")
