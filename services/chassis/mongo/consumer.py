"""The consumer of a service with a MongoDB database, put together."""

from services.chassis.consumer.applying import Applier
from services.chassis.consumer.broker import Broker
from services.chassis.consumer.loop import Consumer, Session
from services.chassis.health import Heart
from services.chassis.identifiers import new_id
from services.chassis.mongo.ledger import MongoLedger
from services.chassis.mongo.storage import is_transient
from services.chassis.rooms import handlers_of
from services.chassis.settings import Settings


def make_mongo_consumer(service: str, settings: Settings, heart: Heart) -> Consumer:
    """Returns the service's consumer, not yet connected. It takes part in sagas but orchestrates none."""
    handlers = handlers_of(service)
    applier = Applier(handlers, orchestrator=None)
    holder = new_id()

    def connect() -> Session:
        ledger = MongoLedger(service, settings, applier, holder)
        try:
            broker = Broker(settings.rabbitmq_url, f"{service}/consumer")
        except BaseException:
            ledger.close()
            raise
        return Session(service, handlers.logs(), ledger, broker, settings.consumer_batch_messages)

    return Consumer(connect, is_transient, heart)
