"""One pod: `python -m tests.integration.upgrades.pod hotel 1 2` leads stays of these versions, `... staff` takes part.

`... desk 1` is the desk's first release, which reads of guests. Its environment is that of any service's consumer.
"""

import signal
import sys

from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.loop import Consumer
from infirmary.consumer.opening import Opening
from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.messages import Command, receives
from infirmary.observing.health import Liveness
from infirmary.postgres.database import is_transient
from infirmary.postgres.notify import Notifier
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.store import PostgresStore
from infirmary.postgres.transaction import Transaction
from infirmary.settings import Settings, read
from tests.integration.upgrades import stays
from tests.integration.upgrades.guests import DESK, desk
from tests.integration.upgrades.stays import HOTEL, STAFF, stay

UNLUCKY = 13
"""So many nights are never paid for."""


def staff() -> Handlers:
    """Returns what takes part in stays: what was done stands in the table `did` until it is undone."""
    handlers = Handlers(STAFF)

    def do(command: Command, tx: Transaction) -> Outcome:
        if command.step == "bill" and getattr(command, "nights", None) == UNLUCKY:
            return Refused("nobody pays for that")
        tx.execute("INSERT INTO did VALUES (%(saga_id)s, %(step)s)", saga_id=command.saga_id, step=command.step)
        return None

    def undo(command: Command, tx: Transaction) -> Outcome:
        found = {"saga_id": command.saga_id, "step": command.action_step()}
        tx.execute("DELETE FROM did WHERE saga_id = %(saga_id)s AND step = %(step)s", **found)
        return None

    does: tuple[type[Command], ...] = (stays.Reserve, stays.Charge, stays.Prepare, stays.Write)
    undoes: tuple[type[Command], ...] = (stays.Release, stays.Refund, stays.PutAway)
    for sent in (*does, *undoes):
        fields = {"__annotations__": dict(sent.__annotations__), "__module__": __name__}
        received: type[Command] = receives(HOTEL)(type(sent.__name__, (Command,), fields))
        handlers.command(received)(do if sent in does else undo)
    return handlers


def consumer(service: str, handlers: Handlers, orchestrator: Orchestrator | None) -> Consumer:
    """Returns a consumer, not yet connected."""
    settings = read(Settings)
    dispatcher = Dispatcher(handlers, orchestrator.peers() if orchestrator is not None else ())
    notifier = Notifier(settings, service)
    opening = Opening(
        service, settings, dispatcher, lambda: PostgresStore(service, settings, dispatcher, notifier, orchestrator)
    )
    return Consumer(opening.session, is_transient, Liveness())


def main(service: str, *known: str) -> None:
    """Runs until SIGTERM."""
    if service == STAFF:
        pod = consumer(STAFF, staff(), None)
    elif service == DESK:
        pod = consumer(DESK, desk(*map(int, known)), None)
    else:
        pod = consumer(HOTEL, Handlers(HOTEL), Orchestrator(HOTEL, stay(*map(int, known))))
    signal.signal(signal.SIGTERM, lambda *_: pod.stop())
    pod.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
