"""How notification makes its notifications again from what it has told of them."""

from infirmary.mongo.transaction import MongoTransaction
from infirmary.restoring.declaration import Restoring, said_at
from services.notification import store
from services.notification.messages import NotificationSent
from services.notification.model import Notification

restoring = Restoring("notification")


@restoring.of(NotificationSent)
def note(event: NotificationSent, tx: MongoTransaction) -> None:
    """Notes what was told. Nobody is told again."""
    store.insert(tx, Notification(at=event.at or said_at(tx), **event.model_dump(exclude={"at"})))
