"""The sagas that one transaction's commands and replies are about, read ahead."""

import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from infirmary.messages import Reply
from infirmary.postgres.sagas.outcomes import Outcomes
from infirmary.postgres.sagas.rows import SagaRows
from infirmary.postgres.transaction import Transaction
from infirmary.transport.envelope import Incoming

_CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PrefetchedSagas:
    """The answers given to other services' sagas, and the service's own sagas.

    Attributes:
        outcomes: What was answered to commands.
        rows: The sagas that replies are for.
    """

    def __init__(self, tx: Transaction) -> None:
        self.outcomes = Outcomes(tx)
        self.rows = SagaRows(tx)

    def ask(self, messages: Iterable[Incoming]) -> None:
        """Asks for all that the messages are about, by their subjects, so that no body has to be read for it.

        What a message turns out to be about besides is read when it is applied.
        """
        commanding, replied = set[UUID](), set[UUID]()
        for message in messages:
            if _CANONICAL_UUID.fullmatch(message.subject):
                (replied if message.type == Reply.__name__ else commanding).add(UUID(message.subject))
        self.outcomes.ask(commanding)
        self.rows.ask(replied)

    def save(self) -> None:
        """Writes what is new and not written yet."""
        self.outcomes.save()
