"""Puts what the collector and the observers have seen into the checker's form."""

from collections.abc import Iterable

from audit.facts import Facts, LogMessage
from audit.hospital import READS
from local.topology import SERVICES, Engine
from tests.chaos.history import History, InLog
from tests.chaos.injected import is_injected
from tests.chaos.observed import read_history
from tests.chaos.scene import Scene


def in_log(messages: Iterable[LogMessage]) -> list[InLog]:
    """Returns the messages of a log that carry a sequence."""
    return [
        InLog(each.offset, each.message_id, each.subject, each.sequence, is_injected(each))
        for each in messages
        if each.sequence is not None
    ]


def add_what_is_stored(history: History, facts: Facts, scene: Scene) -> None:
    """Adds what the databases and logs hold at the end; consumers with a PostgreSQL database are observed."""
    observed = [service.name for service in SERVICES if service.engine is Engine.POSTGRESQL]
    history.applied = {service: read_history(scene.database_url(service)) for service in observed}
    history.reads = {service: READS.get(service, ()) for service in observed}
    add_logs(history, facts)


def add_logs(history: History, facts: Facts) -> None:
    """Adds what the logs hold at the end, and which sequences were given out."""
    history.logs = {stem: in_log(messages) for stem, messages in facts.logs.items()}
    history.given = {stem: last for state in facts.databases.values() for stem, last in state.given.items()}
