"""How notification tells its notifications again."""

from collections.abc import Iterator

from infirmary.messages import Event
from infirmary.mongo.republishing import Documents
from infirmary.republishing.declaration import Republishing
from services.notification.model import Notification, sent

republishing = Republishing("notification")


@republishing.of("notifications", Documents(Notification, "notification_id"))
def tell_notification(notification: Notification) -> Iterator[Event]:
    """Tells a notification as it was told when it was sent."""
    yield sent(notification)
