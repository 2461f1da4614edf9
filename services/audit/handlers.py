"""What audit does when it is told what a service was asked for."""

from infirmary.access.records import AccessRecorded
from infirmary.handlers import Handlers
from infirmary.postgres.transaction import Transaction
from services.audit import store
from services.audit.messages import RECORDED

handlers = Handlers("audit")


@handlers.notice(AccessRecorded, RECORDED)
def put_on_record(notice: AccessRecorded, tx: Transaction) -> None:
    """Appends it to the chain. Whose record it is says the log that it came in, which nobody else can write."""
    store.append(tx, tx.told_by, notice.accesses)
