"""A fetch that is sent ahead: PostgreSQL looks for the next rows while the relay encodes and publishes the last ones.

Its answer is taken only if the fetch that comes then asks for the same, and nothing that it left out as in flight was
kept meanwhile: such a row comes before the ones behind it. Else it was in vain. It deletes nothing: were it to end with
its session, more would be sent again than the windows hold.
"""

from collections.abc import Hashable

import psycopg

from infirmary_relay.sources.postgres_connection import Begun, BoundedConnection


class Ahead:
    """At most one such fetch of a session."""

    def __init__(self, connection: BoundedConnection) -> None:
        self._connection = connection
        self._begun: Begun | None = None
        self._terms: Hashable = None
        self._is_stale = False

    @property
    def is_asked(self) -> bool:
        """Whether one was sent whose answer nobody has taken."""
        return self._begun is not None

    def ask(self, statement: str, asked: dict[str, object], terms: Hashable) -> None:
        """Sends a fetch; `terms` is all that makes it what it is."""
        self._begun, self._terms, self._is_stale = self._connection.begin(statement, asked), terms, False

    def kept(self) -> None:
        """Notes that something is not in flight any more and was not deleted."""
        self._is_stale = True

    def answer(self, terms: Hashable) -> Begun | None:
        """Who has the rows; None where none were asked for, or others, or a lock was in the way.

        Raises:
            psycopg.Error: The statement failed, or the connection is gone.
        """
        begun, self._begun = self._begun, None
        if begun is None:
            return None
        error = begun.hear()
        if error is not None and not isinstance(error, psycopg.errors.LockNotAvailable):
            raise error
        return begun if error is None and not self._is_stale and terms == self._terms else None
