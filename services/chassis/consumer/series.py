"""The series of a consumer that are known in advance, shown from its start.

What appears only with its first event has no growth that a monitoring system could see.
"""

from services.chassis import metrics
from services.chassis.consumer.unhandled import OTHER
from services.chassis.consumer.unreadable import KINDS
from services.chassis.handlers import Handlers
from services.chassis.log_parts import name_of


def expect_series(handlers: Handlers) -> None:
    """Shows nought for all that may happen to the messages of a service."""
    inbox = f"{handlers.service}.inbox"
    for source, kind in handlers.events:
        metrics.APPLIED.labels(name_of(source), kind)
    for kind in handlers.commands:
        metrics.APPLIED.labels(inbox, kind)
    for log in handlers.logs():
        metrics.UNHANDLED.labels(log, OTHER)
    for channel in (*handlers.logs(), inbox):
        for counter in (metrics.DUPLICATES, metrics.WAITING, metrics.PARKED, metrics.ROLLED_BACK):
            counter.labels(channel)
        for kind in KINDS:
            metrics.UNREADABLE.labels(channel, kind)
