"""Commands and replies: nobody else can read their queues, so they are shown from the history of the sagas."""

from collections.abc import Mapping
from datetime import datetime

from audit.addresses import services_in
from audit.databases import postgres_session

_HISTORY = """
SELECT h.at, h.happened, h.sent FROM saga_history h JOIN saga s USING (saga_id)
WHERE s.correlation_id = %s ORDER BY h.id
"""


class SagaMessages:
    """What the orchestrating services have asked and been answered."""

    def __init__(self, env: Mapping[str, str]) -> None:
        known = services_in(env)
        self._addresses = [known[name] for name in ("admission", "prescription")]

    def of(self, correlation_id: str) -> list[tuple[datetime, str, str]]:
        """Returns (when, which service, what) for each command sent and each reply taken, in their order."""
        found: list[tuple[datetime, str, str]] = []
        for address in self._addresses:
            with postgres_session(address) as session:
                for at, happened, sent in session.execute(_HISTORY, (correlation_id,)):
                    found += [
                        (at, address.service, text) for text in (happened if ":" in happened else "", sent) if text
                    ]
        return found
