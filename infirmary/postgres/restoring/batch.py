"""One batch of what was said after the backup, in one transaction of PostgreSQL."""

from collections.abc import Collection, Sequence
from uuid import UUID

from infirmary.consumer.dispatch import work_on
from infirmary.postgres.database import is_transient
from infirmary.postgres.restoring.answers import keep_answer, note_answered
from infirmary.postgres.restoring.sagas import RestoredSagas
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring
from infirmary.restoring.making import cannot_make, make_again
from infirmary.restoring.told import Told


class RestoringBatch:
    """The work of one transaction."""

    def __init__(
        self, tx: Transaction, restoring: Restoring, orchestrator: Orchestrator | None, left_out: Collection[UUID]
    ) -> None:
        """Prepares it.

        Args:
            tx: The transaction.
            restoring: What makes the service's state again.
            orchestrator: What knows the service's own sagas; None where it has none.
            left_out: The messages of which the state's change is not made.
        """
        self._tx, self._restoring, self._left_out = tx, restoring, left_out
        self._sagas = RestoredSagas(tx, restoring, orchestrator)

    def take_on(self, since: Sequence[Told]) -> list[Told]:
        """Makes again what messages tell of, all of which were said after the backup.

        Returns:
            Those of which nothing can be made: they tell of sagas whose beginning nothing tells.

        Raises:
            CannotRestore: A function of the service fails.
        """
        note_answered(self._tx, [told.causation_id for told in since if told.causation_id and self._answers(told)])
        for told in since:
            try:
                self._one(told)
            except Exception as error:
                if is_transient(error):
                    raise
                raise cannot_make(told, error) from error
        return self._sagas.unknown

    def _answers(self, told: Told) -> bool:
        """Says whether what has caused a message needs not be done again.

        An event that changes nothing stands beside others, which may be lost while it is not: they went other ways.
        """
        if told.is_reply or told.is_of_access:
            return False
        return not (told.is_event and told.message.type in self._restoring.unchanging)

    def _one(self, told: Told) -> None:
        if told.message.message_id in self._left_out or told.is_of_access:
            return
        work_on(self._tx, told.message)
        if told.is_event:
            self._sagas.tell(told)
            make_again(self._restoring, told.message, self._tx)
        elif not told.is_reply:
            self._sagas.asked(told)
        elif keep_answer(self._tx, told) and told.causation_id is not None:
            note_answered(self._tx, [told.causation_id])
