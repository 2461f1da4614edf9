"""Events of types that nobody here handles. They are passed for good, so somebody should know of them."""

import logging
import re
from typing import Final

from infirmary.consumer.series import OTHER, ChannelSeries

_logger = logging.getLogger(__name__)

MOST_TYPES: Final = 20
"""So many types of a log are told by name in this process's own log. There could be any number of them."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


def passed(series: ChannelSeries, message_type: str, count: int) -> None:
    """Counts events of a log that were passed, and tells of their type once."""
    told = series.told
    named = message_type if _NAME.fullmatch(message_type) else OTHER
    if named not in told and len(told) < MOST_TYPES:
        told.add(named)
        _logger.info(
            "%s: this service handles no events of type %.80r, and skips them for good", series.channel, message_type
        )
    series.unhandled.get(message_type, series.unhandled[OTHER]).inc(count)
