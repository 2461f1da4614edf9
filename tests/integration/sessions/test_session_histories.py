"""Whatever is begun, published, rolled back and committed on a Session: the outbox holds what a plain model says."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from tests.integration.sessions.app import Item, Shop

SUBJECTS = st.sampled_from("abc")


class SessionHistory(RuleBasedStateMachine):
    """A Session with a stack of transactions, each with what was done in it."""

    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        for table in ("outbox", "outbox_sequence", "item"):
            self.shop.database.execute(f"DELETE FROM {table}")
        self.session = Session(self.shop.engine)
        self.savepoints: list[SessionTransaction] = []
        self.done: list[list[str]] = [[]]
        self.committed: list[str] = []
        self.items = 0

    @rule(subject=SUBJECTS)
    def publish(self, subject: str) -> None:
        self.shop.publish(self.session, subject)
        self.done[-1].append(subject)

    @rule(flushes=st.booleans())
    def add_a_row(self, flushes: bool) -> None:
        self.items += 1
        self.session.add(Item(name=str(self.items)))
        if flushes:
            self.session.flush()

    @precondition(lambda self: len(self.savepoints) < 4)
    @rule()
    def begin_nested(self) -> None:
        self.savepoints.append(self.session.begin_nested())
        self.done.append([])

    @precondition(lambda self: self.savepoints)
    @rule(data=st.data())
    def roll_back_to_a_savepoint(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.savepoints) - 1))
        self.savepoints[at].rollback()
        del self.savepoints[at:], self.done[at + 1 :]

    @precondition(lambda self: self.savepoints)
    @rule(data=st.data())
    def release_a_savepoint(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.savepoints) - 1))
        self.savepoints[at].commit()
        self.done[at:] = [list(chain(*self.done[at:]))]
        del self.savepoints[at:]

    @precondition(lambda self: self.savepoints)
    @rule(subject=SUBJECTS)
    def fail_in_a_savepoint(self, subject: str) -> None:
        nested = self.session.begin_nested()
        self.shop.publish(self.session, subject)
        self.session.add(Item(name="x" * 10, number=2**40))
        with pytest.raises(DBAPIError):
            self.session.flush()
        nested.rollback()

    @rule()
    def commit(self) -> None:
        self.session.commit()
        self.committed += chain(*self.done)
        self._over()

    @rule(ends=st.sampled_from([Session.rollback, Session.close]))
    def give_up(self, ends: object) -> None:
        ends(self.session)  # type: ignore[operator]
        self._over()

    def _over(self) -> None:
        self.savepoints, self.done = [], [[]]
        counted: Counter[str] = Counter()
        expected = []
        for subject in self.committed:
            counted[subject] += 1
            expected.append((subject, counted[subject]))
        assert self.shop.written() == expected

    def teardown(self) -> None:
        self.session.close()
        self._over()


@pytest.fixture
def history(shop: Shop) -> Iterator[type[SessionHistory]]:
    SessionHistory.shop = shop
    yield SessionHistory
    del SessionHistory.shop


def test_the_outbox_holds_what_was_committed(history: type[SessionHistory]) -> None:
    quick = settings(max_examples=100, stateful_step_count=20, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(history, settings=quick)
