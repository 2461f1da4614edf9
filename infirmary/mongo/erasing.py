"""Forgets people in the held messages of a service with a MongoDB database; to do it again does no harm."""

from collections.abc import Iterable

from infirmary.erasing import error_without_person, without_person
from infirmary.mongo.storage import MongoDatabase
from infirmary.mongo.transaction import Forgotten


def forget(database: MongoDatabase, people: Iterable[Forgotten]) -> None:
    """Takes what is personal out of all held messages that name one of these people. Few are ever held."""
    held = database["parked_message"]
    for person, personal in people:
        named = str(person)
        for each in held.find({}, {"subject": True, "body": True, "error": True}):
            if each["subject"] != named and named.encode() not in each["body"]:
                continue
            body = without_person(each["body"], personal)
            if body != each["body"]:
                error = None if each["error"] is None else error_without_person(each["error"])
                held.update_one({"_id": each["_id"]}, {"$set": {"body": body, "error": error}})
