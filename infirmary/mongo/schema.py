"""Makes the collections and their indexes; what migrations are to a service with a PostgreSQL database."""

from pymongo import IndexModel

from infirmary.mongo.collections import OF_CONSUMER, OF_DOCUMENTS, Index
from infirmary.mongo.documents import documents_of
from infirmary.mongo.granting import grant_rights
from infirmary.mongo.incarnation import note_incarnation
from infirmary.mongo.storage import connect, is_transient
from infirmary.registry import logs_written_by
from infirmary.retry_after import patiently
from infirmary.settings import Settings


def create_collections(service: str, settings: Settings) -> None:
    """Makes what is missing, as the owner, and gives the processes' roles their rights in it.

    Does nothing when all is there; several processes may call it at once.

    Raises:
        GaveUp: The database has been away for longer than `migration_wait_s`.
        pymongo.errors.PyMongoError: It holds an index of the same name that differs.
    """
    settings = settings.as_owner()
    patiently(
        f"the migration of {service}",
        settings.migration_wait_s,
        lambda: _create(service, settings),
        lambda error: f"the database is away ({error})" if is_transient(error) else None,
    )


def _create(service: str, settings: Settings) -> None:
    documents = documents_of(service)
    own = [IndexModel(list(keys)) for keys in documents.indexes]
    with connect(settings, f"{service}/migrate") as client:
        database = client.get_default_database()
        database[documents.collection].create_indexes([*map(_model, OF_DOCUMENTS), *own])
        # Moderate: a document from before a limit stays as it is, and the relay can still take its messages out.
        database.command(
            "collMod",
            documents.collection,
            validator={"$jsonSchema": {"properties": documents.limits}},
            validationLevel="moderate",
        )
        for collection, indexes in OF_CONSUMER.items():
            database[collection].create_indexes([*map(_model, indexes)])
        note_incarnation(database)
        logs = logs_written_by(service, settings.access_recorded_by)
        database["outbox_log"].delete_many({"_id": {"$nin": logs}})
        for log in logs:
            database["outbox_log"].update_one({"_id": log}, {"$setOnInsert": {}}, upsert=True)
        grant_rights(database, documents.collection)


def _model(index: Index) -> IndexModel:
    return IndexModel([(key, 1) for key in index.keys], **index.options)
