"""The consumer of a service with a MongoDB database, put together."""

from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.loop import Consumer
from infirmary.consumer.opening import Opening
from infirmary.identifiers import new_id
from infirmary.mongo.storage import is_transient
from infirmary.mongo.store import MongoStore
from infirmary.observing.health import Heart
from infirmary.registry import handlers_of
from infirmary.settings import Settings


def make_mongo_consumer(service: str, settings: Settings, heart: Heart) -> Consumer:
    """Returns the service's consumer, not yet connected. It takes part in sagas but orchestrates none."""
    dispatcher = Dispatcher(handlers_of(service), None, settings.message_max_bytes)
    holder = new_id()
    opening = Opening(service, settings, dispatcher, lambda: MongoStore(service, settings, dispatcher, holder))
    return Consumer(opening.session, is_transient, heart)
