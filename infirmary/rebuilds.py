"""A rebuild of one service's read model, put together from its modules and its settings."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.opening import Opening
from infirmary.consumer.session import Session
from infirmary.handlers import Handlers
from infirmary.postgres.notify import Notifier
from infirmary.postgres.read_model import ReadModel
from infirmary.postgres.rebuilding import SCHEMA, NotYet, PostgresRebuild
from infirmary.postgres.store import PostgresStore
from infirmary.registry import handlers_of
from infirmary.settings import Settings

TELL_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast messages are applied. Pure.

    Attributes:
        began_with: How many were applied at the beginning.
        applied: How many are now.
        total: How many there are.
        seconds: How long that took.
    """

    began_with: int
    applied: int
    total: int
    seconds: float

    def words(self) -> str:
        """Returns for people how far it is, and how long it will take at this pace."""
        share = 100 if self.total == 0 else 100 * self.applied // self.total
        told = f"{self.applied} of {self.total} messages are applied ({share} %)"
        gained = self.applied - self.began_with
        if gained <= 0 or self.seconds <= 0:
            return told
        return f"{told}, about {(self.total - self.applied) * self.seconds / gained:.0f} s are left"


def rebuild(model: ReadModel, settings: Settings, say: Callable[[str], None], *, although_less: bool = False) -> None:
    """Fills the read model anew beside the one in use, and puts it in its place. Begun before, it goes on from there.

    Args:
        model: What is rebuilt.
        settings: Where database and broker are.
        say: Tells a person how far it is.
        although_less: Whether the new one is taken even if there is less in it.

    Raises:
        CannotRebuild: A person has to do something first. What was filled stays.
        Exception: A connection was lost. What was filled stays.
    """
    settings = settings.as_owner()
    handlers = _events_of(handlers_of(model.service))
    dispatcher = Dispatcher(handlers, (), settings.message_max_bytes)
    with (
        closing(PostgresRebuild(model, settings, dispatcher.logs())) as database,
        closing(Notifier(settings, model.service)) as notifier,
    ):
        say("It goes on where it was." if database.begin() else "It begins at the logs' first messages.")

        def open_store() -> PostgresStore:
            return PostgresStore(model.service, settings, dispatcher, notifier, beside=SCHEMA)

        with closing(Opening(model.service, settings, dispatcher, open_store, beside=True).session()) as session:
            _fill(session, database, say, although_less=although_less)


def cancel(model: ReadModel, settings: Settings) -> bool:
    """Gives up a rebuild that is not at work. Returns whether there was one.

    Raises:
        CannotRebuild: One is at work.
    """
    with closing(PostgresRebuild(model, settings.as_owner(), ())) as database:
        return database.cancel()


def _fill(session: Session, database: PostgresRebuild, say: Callable[[str], None], *, although_less: bool) -> None:
    began_at, began_with, told_at = time.monotonic(), 0, 0.0
    while True:
        session.turn()
        applied, total = session.read_of()
        began_with = began_with or applied
        now = time.monotonic()
        if now - told_at >= TELL_EVERY_S:
            told_at = now
            problem = session.problem()
            say(Pace(began_with, applied, total, now - began_at).words() if problem is None else problem.words)
        if session.is_caught_up():
            try:
                return database.swap(session.turn, although_less=although_less)
            except NotYet as reason:
                say(f"The tables are exchanged a little later: {reason}")


def _events_of(handlers: Handlers) -> Handlers:
    """Returns what is done with events alone: commands are answered once, by the consumer."""
    chosen = Handlers(handlers.service, handlers.projection)
    chosen.events, chosen.only_news, chosen.with_session = handlers.events, handlers.only_news, handlers.with_session
    return chosen
