"""The messages in a service's outbox that wait for its relay."""

from dataclasses import dataclass

from infirmary.postgres.transaction import Query


@dataclass(frozen=True, slots=True)
class Backlog:
    """The rows for one target.

    Attributes:
        target: A log.
        messages: How many rows.
        oldest_age_s: How long the oldest has been waiting.
    """

    target: str
    messages: int
    oldest_age_s: float


def backlog(query: Query) -> list[Backlog]:
    """Returns what waits, by target; nothing when the relay has sent everything."""
    return query.many(
        Backlog,
        """SELECT target, count(*) AS messages,
                  round(extract(epoch FROM clock_timestamp() - min(created_at)), 3)::float8 AS oldest_age_s
           FROM outbox GROUP BY target ORDER BY target""",
    )
