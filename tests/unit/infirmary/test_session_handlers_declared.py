"""A handler asks for a Session by its annotation; who does not ask pays nothing."""

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm import Session, scoped_session

from infirmary import processes
from infirmary.declaring.declaration import Misdeclared
from infirmary.handlers import Handlers
from infirmary.messages import Event, reads
from infirmary.observing.health import Liveness
from infirmary.postgres.transaction import Transaction
from infirmary.settings import Settings
from local.rundir import REPOSITORY

if TYPE_CHECKING:
    from sqlalchemy import orm


@reads("patient")
class Came(Event):
    name: str


class OwnSession(Session):
    pass


def with_session(event: Came, session: Session) -> None: ...


def with_text(event: Came, session: "Session") -> None: ...


def with_transaction(event: Came, tx: Transaction) -> None: ...


def without(event, tx): ...  # type: ignore[no-untyped-def]


def by_name_only(event, session): ...  # type: ignore[no-untyped-def]


def of_another_kind(event: Came, session: int) -> None: ...


def with_whatever(*given: Any) -> None: ...


def with_subclass(event: Came, session: OwnSession) -> None: ...


def with_scoped(event: Came, session: scoped_session[Session]) -> None: ...


def with_bare_scoped(event: Came, session: scoped_session) -> None: ...  # type: ignore[type-arg]


def for_type_checkers(event: Came, session: "orm.Session") -> None: ...


@pytest.fixture
def handlers() -> Handlers:
    return Handlers("reception")


@pytest.mark.parametrize("handler", [with_session, with_text])
def test_a_session_is_asked_for_by_its_annotation(handlers: Handlers, handler: Any) -> None:
    handlers.on(Came)(handler)
    assert handlers.with_session == {handler}


@pytest.mark.parametrize("handler", [with_transaction, without, with_whatever])
def test_all_others_take_the_transaction(handlers: Handlers, handler: Any) -> None:
    handlers.on(Came)(handler)
    assert handlers.with_session == set()


@pytest.mark.parametrize("handler", [with_subclass, with_scoped, with_bare_scoped])
def test_another_kind_of_session_is_refused(handlers: Handlers, handler: Any) -> None:
    with pytest.raises(Misdeclared, match=r"what it gets is a sqlalchemy\.orm\.Session"):
        handlers.on(Came)(handler)


@pytest.mark.parametrize("handler", [by_name_only, of_another_kind])
def test_what_is_called_a_session_is_one(handlers: Handlers, handler: Any) -> None:
    with pytest.raises(Misdeclared, match=r"gets a Session only for `session: Session`"):
        handlers.on(Came)(handler)


def test_a_session_that_only_type_checkers_know_is_refused(handlers: Handlers) -> None:
    with pytest.raises(Misdeclared, match="import Session at run time"):
        handlers.on(Came)(for_type_checkers)


def test_a_service_on_mongodb_has_no_sessions(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers.on(Came)(with_session)
    monkeypatch.setattr(processes, "handlers_of", lambda _service: handlers)
    with pytest.raises(Misdeclared, match="MongoDB"):
        processes.make_consumer("reception", Settings(database_url="mongodb://localhost/reception"), Liveness())


def test_a_service_without_such_handlers_does_without_the_orm() -> None:
    code = """
import sys
from infirmary.handlers import Handlers
from infirmary.messages import Event, reads
from infirmary.postgres.transaction import Transaction
from infirmary.observing.health import Liveness
from infirmary.settings import Settings
from infirmary import processes

@reads("patient")
class Came(Event):
    name: str

handlers = Handlers("reception")

@handlers.on(Came)
def came(event: Came, tx: Transaction) -> None: ...

processes.handlers_of = lambda service: handlers
processes.orchestrator_of = lambda service: None
processes.make_consumer("reception", Settings(database_url="postgresql://nobody@127.0.0.1:1/reception"), Liveness())
sys.exit("sqlalchemy.orm" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
