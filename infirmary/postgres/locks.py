"""Locks of others that a message meets: it is put off, so that no other has to wait."""

from typing import Final

import psycopg

from infirmary.consumer.failure import describe
from infirmary.postgres.transaction import Transaction

_STATEMENT_TOOK_TOO_LONG: Final = "57014"
_STATES: Final = ("55P03", _STATEMENT_TOOK_TOO_LONG)

PUT_OFF: Final = "put off, nothing is wrong with it"


class LockWaits:
    """For how long the messages of one transaction wait for locks, and what they have met so far."""

    def __init__(self, tx: Transaction) -> None:
        self._tx, self._took_too_long = tx, False

    def shorten(self) -> None:
        """Lets the statements that follow wait for no lock for long: a message that meets one comes again soon."""
        self._tx.value("SELECT set_config('lock_timeout', '50ms', true), set_config('statement_timeout', '5s', true)")

    def wait_as_usual(self) -> None:
        """Lets the statements that follow, which are for all messages, wait as usual."""
        self._tx.execute("SET LOCAL lock_timeout TO DEFAULT")
        self._tx.execute("SET LOCAL statement_timeout TO DEFAULT")

    def met(self, error: BaseException) -> bool:
        """Says whether a message is to be put off for its error.

        A second statement that takes too long is no single message's affair any more: the database itself is slow.
        """
        if not is_lock(error):
            return False
        if isinstance(error, psycopg.Error) and error.sqlstate == _STATEMENT_TOOK_TOO_LONG:
            again, self._took_too_long = self._took_too_long, True
            return not again
        return True


def is_lock(error: BaseException) -> bool:
    """Says whether it is a lock that was not to be had, or a statement that took too long."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _STATES


def told(error: BaseException) -> str:
    """Returns what is kept with a message that is put off."""
    return f"{PUT_OFF}: {describe(error)}"
