"""The last sequences of a log's subjects that were applied or passed: documents of `log_sequence`. They only grow."""

from collections.abc import Collection, Mapping

from pymongo import UpdateOne

from infirmary.mongo.storage import MongoDatabase
from infirmary.transport.log_names import scope_of


def last_of(database: MongoDatabase, channel: str, subjects: Collection[str]) -> dict[str, int]:
    """Returns those of some subjects; one that was never seen has none."""
    wanted = {"source": scope_of(channel), "subject": {"$in": list(subjects)}}
    return {each["subject"]: int(each["last"]) for each in database["log_sequence"].find(wanted, {"_id": False})}


def raise_to(database: MongoDatabase, channel: str, last: Mapping[str, int]) -> None:
    """Notes how far subjects have come; one that is further already stays there, whoever was replaced meanwhile."""
    scope = scope_of(channel)
    database["log_sequence"].bulk_write(
        [
            UpdateOne({"source": scope, "subject": subject}, {"$max": {"last": sequence}}, upsert=True)
            for subject, sequence in last.items()
        ],
        ordered=False,
    )
