"""Makes the change of state again that one event tells of, and says of a message that this cannot be done."""

from infirmary.consumer.failure import describe
from infirmary.declaring.declaration import Misdeclared, named
from infirmary.restoring.database import CannotRestore
from infirmary.restoring.declaration import Restoring
from infirmary.restoring.told import Told
from infirmary.transport.body import read_body
from infirmary.transport.envelope import Incoming
from infirmary.transport.message_writer import MessageWriter


def make_again(restoring: Restoring, message: Incoming, tx: MessageWriter) -> None:
    """Calls the function of the service for one of its events; an event that has none is in the report.

    Raises:
        Misdeclared: The function publishes.
        Exception: Whatever it raises.
    """
    found = restoring.events.get(message.type)
    if found is None:
        return
    kind, restore = found
    restore(read_body(kind, message.body), tx)
    if tx.messages:
        raise Misdeclared(f"{named(restore)} publishes; what it restores from was said already")


def cannot_make(told: Told, error: BaseException) -> CannotRestore:
    """Returns what a person is told whose restore stops at a message."""
    message = told.message
    return CannotRestore(
        f"{message.type} {message.message_id} in {told.log} (message {told.sequence} of {message.subject}) cannot be"
        f" made again: {describe(error)}. What came before is kept. Mend restoring.py and restore again, which goes on"
        f" here; or do its change by hand and give --leave-out {message.message_id}"
    )
