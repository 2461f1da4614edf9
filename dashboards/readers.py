"""The readers of the logs: how far behind, what they hold, what they keep."""

from typing import Final

from dashboards.model import READERS, Dashboard, Kind, Limits, Panel, Query, Row, Unit
from dashboards.selecting import age, behind, of_logs, ours, quantile, rate, silence

_CONSUMER: Final = 'role="consumer"'
_OF_COMMANDS: Final = 'log=~".+[.]to[.].+"'
_DROPPED: Final = " + ".join(
    rate(f"infirmary_messages_{which}_total", "service, channel") for which in ("duplicate", "early")
)  # fmt: skip

_LAG: Final = (
    Panel(
        "Seconds behind by log",
        "For how long a log was not read to its end. A log where nothing is written counts as read.",
        Kind.LINES, Unit.SECONDS, Limits(15, 60),
        (Query(behind(), "{{service}} {{log}}"),),
        alerts=("InfirmaryLogBehind", "InfirmaryLogExpiresUnread"),
    ),
    Panel(
        "Messages behind by log",
        "Messages of a log that are not applied yet.",
        Kind.LINES, Unit.COUNT, Limits(1000, 10000),
        (Query(f"max by (service, log) ({ours('infirmary_log_lag_messages')})", "{{service}} {{log}}"),),
        alerts=("InfirmaryLogBehind",),
    ),
    Panel(
        "Commands and replies behind",
        "Commands and replies that are not applied yet: for each of them a saga waits.",
        Kind.LINES, Unit.COUNT, Limits(100, 1000),
        (Query(f"max by (service, log) ({ours('infirmary_log_lag_messages', _OF_COMMANDS)})", "{{service}} {{log}}"),),
        alerts=("InfirmaryLogBehind", "InfirmaryConsumerAway"),
    ),
    Panel(
        "Who reads each log",
        "The pod that reads a log now. No pod: the log has no reader, and whatever is written into it waits.",
        Kind.STATES, Unit.YES_OR_NO, Limits(None, 1, below=True),
        (Query(f"max by (service, log, pod) ({ours('infirmary_log_reader_active')}) == 1",
               "{{service}} {{log}}: {{pod}}"),),
        alerts=("InfirmaryLogWithoutReader", "InfirmaryConsumerAway"), width=16,
    ),
    Panel(
        "Stalled since",
        "For how long a log has grown while its reader stood still, although it held nothing back.",
        Kind.LINES, Unit.SECONDS, Limits(60, 300),
        (Query(age("infirmary_channel_stalled_since_timestamp_seconds", "service, channel"),
               "{{service}} {{channel}}"),),
        nothing="No reader stands still.",
        alerts=("InfirmaryChannelStalled",),
    ),
)  # fmt: skip

_WORK: Final = (
    Panel(
        "Applied by type",
        "What kinds of messages are taken in.",
        Kind.LINES, Unit.MESSAGES_PER_SECOND, Limits(2000, 5000),
        (Query(rate("infirmary_messages_applied_total", "type"), "{{type}}"),),
    ),
    Panel(
        "Written to applied, p99",
        "How long messages take from the writer's commit to their effect here.",
        Kind.LINES, Unit.SECONDS, Limits(1, 10),
        (Query(quantile(0.99, "infirmary_message_end_to_end_seconds", "service, channel"), "{{service}} {{channel}}"),),
        alerts=("InfirmaryFreshnessBudgetBurnsFast",),
    ),
    Panel(
        "Messages in a batch, p50",
        "How many messages one transaction applies. Near 100: there is more to do than is done at once.",
        Kind.LINES, Unit.COUNT, Limits(50, 100),
        (Query(quantile(0.5, "infirmary_batch_messages", "service, channel"), "{{service}} {{channel}}"),),
    ),
    Panel(
        "Transaction time, p99",
        "How long a batch takes. Long: its database is slow, or somebody holds a lock that it needs.",
        Kind.LINES, Unit.SECONDS, Limits(0.5, 5),
        (Query(quantile(0.99, "infirmary_batch_seconds", "service, channel"), "{{service}} {{channel}}"),),
        alerts=("InfirmaryBatchesRolledBack",),
    ),
    Panel(
        "Loop's last turn ago",
        "When each consumer's loop has last gone round. Half a minute: it hangs.",
        Kind.LINES, Unit.SECONDS, Limits(15, 30),
        (Query(f"time() - (min by (service, pod) ({ours('infirmary_consumer_turned_timestamp_seconds')}) > 0)",
               "{{service}} {{pod}}"),),
        alerts=("InfirmaryLoopHangs", "InfirmaryConsumerNotReady"),
    ),
    Panel(
        "Not ready, by reason",
        "Why a consumer cannot do its work, for as long as it cannot.",
        Kind.STATES, Unit.YES_OR_NO, Limits(None, 1),
        (Query(f"max by (service, reason) ({ours('infirmary_not_ready', _CONSUMER)}) == 1",
               "{{service}}: {{reason}}"),),
        nothing="Every consumer is ready.",
        alerts=("InfirmaryConsumerNotReady",),
    ),
)  # fmt: skip

_TROUBLE: Final = (
    Panel(
        "Held, by state",
        "Messages kept back: parked ones failed or need something, waiting ones follow a parked or a missing one.",
        Kind.LINES, Unit.COUNT, Limits(1, 10),
        (Query(f"sum by (service, channel, state) ({ours('infirmary_messages_held')})",
               "{{service}} {{channel}} {{state}}"),),
        alerts=("InfirmaryMessagesHeld",),
    ),
    Panel(
        "Oldest held since",
        "For how long the oldest of them has been kept back.",
        Kind.LINES, Unit.SECONDS, Limits(300, 3600),
        (Query(age("infirmary_held_oldest_timestamp_seconds", "service, channel, state"),
               "{{service}} {{channel}} {{state}}"),),
        nothing="No message is held.",
        alerts=("InfirmaryMessageParkedLong",),
    ),
    Panel(
        "Messages missing",
        "Messages that have not come although later ones of their subject wait; the auditor's count looks into the "
        "logs themselves. Both must be 0.",
        Kind.LINES, Unit.COUNT, Limits(None, 1),
        (Query(f"max by (service, channel) ({ours('infirmary_messages_missing')})", "{{service}} {{channel}}"),
         Query(f"max by (source) ({of_logs('infirmary_log_missing')})", "log {{source}}")),
        alerts=("InfirmaryMessagesMissing", "InfirmaryLogMissing"),
    ),
    Panel(
        "Parked by type",
        "Which kinds of messages could not be applied when they came.",
        Kind.LINES, Unit.MESSAGES_PER_SECOND, Limits(0.01, 1),
        (Query(rate("infirmary_messages_parked_total", "service, channel, type"), "{{service}} {{channel}} {{type}}"),),
        alerts=("InfirmaryMessagesHeld", "InfirmaryNumbersGivenOutTwice"),
    ),
    Panel(
        "Dropped: duplicates, and early ones set aside",
        "Messages that came again and were dropped, and those that came before the one that they follow.",
        Kind.LINES, Unit.MESSAGES_PER_SECOND, Limits(1, 50),
        (Query(_DROPPED, "{{service}} {{channel}}"),),
        alerts=("InfirmaryDuplicatesSurge",),
    ),
    Panel(
        "Batches rolled back",
        "Batches that are tried again whole: a lost connection, a deadlock, a lock that took too long.",
        Kind.LINES, Unit.PER_SECOND, Limits(0.05, 0.2),
        (Query(rate("infirmary_batches_rolled_back_total", "service, channel"), "{{service}} {{channel}}"),),
        alerts=("InfirmaryBatchesRolledBack",),
    ),
    Panel(
        "Passed, because nobody here knows the type",
        "Events that were passed for good. A type that ought to be handled means that an old version runs.",
        Kind.LINES, Unit.MESSAGES_PER_SECOND, Limits(1000, 5000),
        (Query(rate("infirmary_messages_unhandled_total", "service, channel, type"),
               "{{service}} {{channel}} {{type}}"),),
    ),
    Panel(
        "Logs that cannot be read",
        "Which, and why.",
        Kind.STATES, Unit.YES_OR_NO, Limits(None, 1),
        (Query(f"max by (service, channel, reason) ({ours('infirmary_channel_unreadable')}) == 1",
               "{{service}} {{channel}}: {{reason}}"),),
        nothing="All of them can be read.",
        alerts=("InfirmaryChannelUnreadable",),
    ),
    Panel(
        "Lost by retention",
        "About how many messages a service lacks for good, until their owner has told its state again.",
        Kind.STATES, Unit.COUNT, Limits(None, 1),
        (Query(f"max by (service, log) ({ours('infirmary_log_lost_messages')}) > 0", "{{service}} {{log}}"),),
        nothing="Nothing is lost.",
        alerts=("InfirmaryMessagesLost",),
    ),
    Panel(
        "Started over, taken unread, and sessions lost",
        "Logs that were made anew and are read from their beginning, messages that retention took before they were "
        "read, and sessions given up after a lost connection.",
        Kind.LINES, Unit.PER_SECOND, Limits(0.01, 0.2),
        (Query(rate("infirmary_log_started_over_total", "service, log"), "{{service}} {{log}} started over"),
         Query(rate("infirmary_log_expired_unread_total", "service, log"), "{{service}} {{log}} taken unread"),
         Query(rate("infirmary_consumer_reconnects_total", "service"), "{{service}} session lost")),
        alerts=("InfirmaryLogStartedOver", "InfirmaryLogExpired"),
    ),
)  # fmt: skip

_STORE: Final = (
    Panel(
        "Rows kept by table",
        "How much each table that grows holds: exact up to 10,000, above it the database's own estimate.",
        Kind.LINES, Unit.COUNT, Limits(1_000_000, 10_000_000),
        (Query(f"max by (service, table) ({ours('infirmary_table_rows')})", "{{service}} {{table}}"),),
        alerts=("InfirmaryRetentionFalls",),
    ),
    Panel(
        "Oldest row's age",
        "How old the oldest row of each table is. It must not grow beyond what the table is to keep.",
        Kind.LINES, Unit.SECONDS, Limits(31 * 86400, 40 * 86400),
        (Query(age("infirmary_table_oldest_timestamp_seconds", "service, table"), "{{service}} {{table}}"),),
        alerts=("InfirmaryRetentionFalls",),
    ),
    Panel(
        "Last complete clean-up ago",
        "When a pass of the retention last left nothing in a table that is too old. Hours: it does not keep up.",
        Kind.LINES, Unit.SECONDS, Limits(5400, 10800),
        (Query(silence("infirmary_retention_completed_timestamp_seconds", "service, table"), "{{service}} {{table}}"),),
        alerts=("InfirmaryRetentionFalls",),
    ),
    Panel(
        "Waiting for a connection",
        "Requests that wait for a connection to their database, since all of the pool's are in use.",
        Kind.LINES, Unit.COUNT, Limits(1, 10),
        (Query(f"max by (service, pod) ({ours('infirmary_db_pool_requests_waiting')})", "{{service}} {{pod}}"),),
        alerts=("InfirmaryPoolExhausted",),
    ),
)  # fmt: skip

_RECORD: Final = (
    Panel(
        "The record is broken",
        "Places at which what is on record is not as it was put down, and which nobody has explained. Must be 0.",
        Kind.STAT, Unit.COUNT, Limits(None, 1),
        (Query(f"max by (service) ({ours('infirmary_record_breaks')})", "{{service}}"),),
        alerts=("InfirmaryRecordBroken",),
    ),
    Panel(
        "The record was walked along ago",
        "For how long the record was not looked at from its first entry to its last. It is every day.",
        Kind.LINES, Unit.SECONDS, Limits(2 * 86400, 3 * 86400),
        (Query(silence("infirmary_record_walked_timestamp_seconds", "service"), "{{service}}"),),
        alerts=("InfirmaryRecordNotWalked",),
    ),
    Panel(
        "Entries on record",
        "How many requests are on record. It grows with every request, and never falls.",
        Kind.LINES, Unit.COUNT, Limits(None, None),
        (Query(f"max by (service) ({ours('infirmary_record_entries')})", "{{service}}"),),
    ),
)  # fmt: skip

PAGE: Final = Dashboard(
    READERS,
    "Infirmary: readers",
    "Who is behind, since when; what is parked, waits or is missing; what the tables keep.",
    (
        Row("Lag", _LAG),
        Row("Work", _WORK),
        Row("Trouble", _TROUBLE),
        Row("Store", _STORE),
        Row("Record of access", _RECORD),
    ),
)
