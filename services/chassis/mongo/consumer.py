"""The consumer of a service with a MongoDB database, put together."""

from services.chassis.consumer.dispatch import Dispatcher
from services.chassis.consumer.loop import Consumer
from services.chassis.consumer.opening import Opening
from services.chassis.health import Heart
from services.chassis.identifiers import new_id
from services.chassis.mongo.storage import is_transient
from services.chassis.mongo.store import MongoStore
from services.chassis.rooms import handlers_of
from services.chassis.settings import Settings


def make_mongo_consumer(service: str, settings: Settings, heart: Heart) -> Consumer:
    """Returns the service's consumer, not yet connected. It takes part in sagas but orchestrates none."""
    dispatcher = Dispatcher(handlers_of(service), None, settings.message_max_bytes)
    holder = new_id()
    opening = Opening(service, settings, dispatcher, lambda: MongoStore(service, settings, dispatcher, holder))
    return Consumer(opening.session, is_transient, heart)
