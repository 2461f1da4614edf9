"""Pieces of PromQL that the queries are put together from: which series, of which services, over which time."""

from typing import Final

OVER: Final = "[$__rate_interval]"

_PLACE: Final = 'namespace=~"$namespace"'
_SERVICE: Final = 'service=~"$service"'


def ours(metric: str, *matchers: str) -> str:
    """Returns the series of a metric in the chosen namespace and services."""
    return f"{metric}{{{','.join((*matchers, _PLACE, _SERVICE))}}}"


def of_logs(metric: str) -> str:
    """Returns the series of the auditor of gaps about the logs that the chosen services write."""
    return f'{metric}{{source=~"($service)([.]to[.].+)?",{_PLACE}}}'


def rate(metric: str, by: str, *matchers: str) -> str:
    """Returns how often a counter counts, per second."""
    return f"sum by ({by}) (rate({ours(metric, *matchers)}{OVER}))"


def quantile(share: float, histogram: str, by: str, *matchers: str) -> str:
    """Returns a quantile of a histogram."""
    buckets = ours(f"{histogram}_bucket", *matchers)
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({buckets}{OVER})))"


def age(timestamp: str, by: str, *matchers: str) -> str:
    """Returns how long ago the earliest of some moments was, in seconds; nothing where there is none, which is 0."""
    return f"time() - min by ({by}) ({ours(timestamp, *matchers)} > 0)"


def silence(timestamp: str, by: str, *matchers: str) -> str:
    """Returns how long ago the latest of some moments was, in seconds."""
    return f"time() - (max by ({by}) ({ours(timestamp, *matchers)}) > 0)"


def share(part: str, whole: str) -> str:
    """Returns which part of something it is; 0 where the part has no series yet."""
    return f"({part} or 0 * {whole}) / {whole}"


def worst(expression: str, label: str, otherwise: str) -> str:
    """Returns the greatest of some values with whose it is; a 0 with the words `otherwise` where there is none.

    It has to be asked for one moment: over a span of time it answers with everybody who ever was the worst.
    """
    return f'topk(1, {expression}) or on () label_replace(vector(0), "{label}", "{otherwise}", "", "")'


def behind() -> str:
    """Returns how long each log has not been read to its end, or since when its reader lives that never did."""
    reached = f"max by (service, log) ({ours('infirmary_log_caught_up_timestamp_seconds')})"
    consumers = ours("process_start_time_seconds", 'role="consumer"')
    born = f"max by (service) ({consumers})"
    return f"time() - ({reached} > 0) or ({reached} == 0) + on (service) group_left () (time() - {born})"
