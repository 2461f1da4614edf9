"""Housekeeping in MongoDB. Each batch may be done again without effect, so that processes need not take turns."""

from collections.abc import Iterator
from contextlib import contextmanager

from infirmary.beside import Round
from infirmary.housekeeping import EVERY_S, Chore, housekeeping
from infirmary.mongo.answers import OldAnswers
from infirmary.mongo.documents import documents_of
from infirmary.mongo.ended_subjects import EndedSubjects
from infirmary.mongo.storage import connect
from infirmary.settings import Settings


def housekeeping_of_documents(service: str, settings: Settings, every_s: float = EVERY_S) -> Round:
    """Returns the round that forgets what sagas were answered long ago, and ended subjects."""
    from infirmary.consumer.log_beginnings import LogBeginnings  # an API does without a consumer's metrics

    collection, beginnings = documents_of(service).collection, LogBeginnings(service, settings)

    @contextmanager
    def begin() -> Iterator[Iterator[Chore]]:
        with connect(settings, f"{service}/consumer/housekeeping") as client:
            database = client.get_default_database()
            answers = OldAnswers(database[collection], settings.saga_kept_days)
            yield iter([answers, EndedSubjects(database, settings.saga_sequence_days, beginnings)])

    return housekeeping(begin, [collection, EndedSubjects.table], every_s)
