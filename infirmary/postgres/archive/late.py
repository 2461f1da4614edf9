"""What still happens to a saga that is archived: it is remembered, and changes nothing."""

from typing import Final, LiteralString
from uuid import UUID

from infirmary.postgres.transaction import Transaction
from infirmary.saga.advance import Happened

_NOTE: Final[LiteralString] = """
UPDATE saga_archive SET history = history || jsonb_build_array(jsonb_build_object(
    'at', clock_timestamp(), 'happened', %(happened)s::text, 'status', status, 'sent', ''))
WHERE saga_id = %(saga_id)s RETURNING true
"""


def note_late(tx: Transaction, saga_id: UUID, happened: Happened) -> bool:
    """Adds to the history of an archived saga, as to that of any other that has ended; says whether there is one."""
    return bool(tx.value(_NOTE, saga_id=saga_id, happened=str(happened)))
