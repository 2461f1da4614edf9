"""A restore of one service, put together from its modules and its settings; and consumers that wait for it."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import psycopg

from infirmary.consumer.broker import BROKER_ERRORS
from infirmary.consumer.opening import by_amqp, by_streams
from infirmary.consumer.session import Session
from infirmary.consumer.unreadable import Unreadable
from infirmary.incarnation import DatabaseSetBack
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.registry import handlers_of, logs_written_by
from infirmary.restoring.database import CannotRestore
from infirmary.restoring.declaration import restoring_of
from infirmary.restoring.restore import Report, Restore
from infirmary.restoring.treatment import treatment_of
from infirmary.settings import Settings

if TYPE_CHECKING:
    from infirmary.restoring.database import RestoredDatabase

_logger = logging.getLogger(__name__)

_DAY_S: Final = 86_400.0


class WholeFirst:
    """Opens a consumer's sessions, each behind a look at the ends of the service's own logs.

    A consumer that worked on a database that was set back would do once more what it has done already: it reads on from
    an old offset. The relay looks, too, but may do so later.
    """

    def __init__(self, service: str, settings: Settings, open_session: Callable[[], Session]) -> None:
        """Takes what is needed.

        Args:
            service: Whose consumer it is.
            settings: Where database and broker are, and whether a database is restored without being asked.
            open_session: Opens a session.
        """
        self._service, self._open_session = service, open_session
        self._settings = settings.as_owner() if settings.restore == "automatic" else settings
        self._told = ""

    def session(self) -> Session:
        """Opens a session.

        Raises:
            DatabaseSetBack: The database lacks what the service has said, and nobody may restore it unasked.
            Exception: The database or the broker does not answer.
        """
        if logs_written_by(self._service, self._settings.access_recorded_by):
            self._make_whole()
        return self._open_session()

    def _make_whole(self) -> None:
        newer_than = time.time() - (self._settings.saga_sequence_days - 1) * _DAY_S
        try:
            with restore_of(self._service, self._settings, _logger.info) as work:
                mark = work.mark() or work.look_at_the_ends(self._settings.log_parts, newer_than)
                if mark is None:
                    return
                if self._settings.restore == "by_hand":
                    raise DatabaseSetBack(mark.because)
                _logger.warning("the database was set back, and is restored: %s", mark.because)
                self._tell(work.run())
        except CannotRestore as cannot:
            raise DatabaseSetBack(str(cannot)) from cannot
        except psycopg.errors.InsufficientPrivilege as refused:
            raise DatabaseSetBack(f"RESTORE=automatic needs OWNER_DATABASE_URL: {refused}") from refused
        except Unreadable as unreadable:
            if self._told != str(unreadable):
                _logger.warning("whether the database was set back cannot be seen: %s", unreadable)
            self._told = str(unreadable)

    def _tell(self, report: Report) -> None:
        restoring = restoring_of(self._service)
        for log, found in report.found.items():
            for kind, messages in sorted(found.kinds.items()):
                treatment = treatment_of(restoring, log, kind)
                level = logging.INFO if treatment.is_made_again else logging.ERROR
                _logger.log(level, "restored from %s: %d of %s: %s", log, messages, kind, treatment.words)
        for words in report.lost():
            _logger.error("lost: %s", words)
        _logger.warning("the database is whole again")


@contextmanager
def restore_of(service: str, settings: Settings, say: Callable[[str], None]) -> Iterator[Restore]:
    """Lends a restore, with its connections to the service's database and to the broker.

    Args:
        service: Whose database it is.
        settings: Where database and broker are.
        say: Tells a person how far it is.

    Raises:
        Exception: The database or the broker does not answer.
    """
    name = f"{service}/restore"
    with (
        closing(_database(service, settings)) as database,
        closing(by_streams(settings, name) or by_amqp(settings, name)) as broker,
    ):
        yield Restore(logs_written_by(service, settings.access_recorded_by), broker, database, say)


def errors_of(settings: Settings) -> tuple[type[Exception], ...]:
    """Returns what database and broker raise when they do not answer, or say no."""
    if settings.database_url.startswith("mongodb"):
        from pymongo.errors import PyMongoError  # most services do without

        return PyMongoError, Unreadable, *BROKER_ERRORS
    return psycopg.Error, Unreadable, *BROKER_ERRORS


def _database(service: str, settings: Settings) -> "RestoredDatabase":
    orchestrator = orchestrator_of(service)
    asked = orchestrator.peers() if orchestrator is not None else ()
    reads = handlers_of(service).logs(asked)
    if settings.database_url.startswith("mongodb"):
        from infirmary.mongo.restoring.database import MongoRestored

        return MongoRestored(service, settings, restoring_of(service), reads)
    from infirmary.postgres.restoring.database import PostgresRestored

    return PostgresRestored(service, settings, restoring_of(service), reads, orchestrator)
