"""Where no transaction spans several documents: killed, or frozen and replaced, before any single write of its work."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from uuid import UUID

import pytest

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.store import ReaderReplaced
from infirmary.identifiers import new_id
from tests.integration.consumer.interruptions import Killed, interrupted
from tests.integration.consumer.messages import COMMANDS, LOG, UNLUCKY, Add, Faults, TakeAway
from tests.integration.consumer.on_mongodb import MongoCounting


class Day(ABC):
    """Messages of all kinds in one log, and what must have come of them in the end."""

    log: str

    def __init__(self, counting: MongoCounting, faults: Faults, number: int) -> None:
        self.counting, self.faults = counting, faults
        self.batches = self.tell(number)

    @abstractmethod
    def tell(self, number: int) -> list[list[Delivery]]:
        """Returns the batches of a day, and breaks what is broken in it."""

    @abstractmethod
    def check(self) -> None:
        """Makes sure that each message was applied once, in order, and answered once."""

    def work(self) -> None:
        """Applies what the stored offset says is to be applied, and then what is held."""
        for deliveries in self.batches:
            position = self.counting.positions[self.log] = self.counting.store.positions.read(self.log)
            last = -1 if position.last_offset is None else position.last_offset
            left = [delivery for delivery in deliveries if (delivery.offset or 0) > last]
            if left:
                self.counting.apply(self.log, *left)
        self.faults.broken.clear()
        self.counting.retry_all(self.log)

    def another_takes_over(self) -> None:
        """Lets another process be the reader, which finds the same broken as the first one did."""
        broken = dict(self.faults.broken)
        self.counting.end_reader(self.counting.store)
        self.counting.take_over()
        self.work()
        self.faults.broken |= broken


class DayOfEvents(Day):
    """One that comes early, one that fails, and one that comes twice."""

    log = LOG

    def tell(self, number: int) -> list[list[Delivery]]:
        told = self.counting.told
        self.a, self.b = f"a{number}", f"b{number}"
        self.faults.breaks(self.b)
        early = told(self.a, 2)
        return [[early, told(self.a, 1), told(self.b, 1), told(self.b, 2)], [told(self.a, 3), early]]

    def check(self) -> None:
        assert (self.counting.numbers(self.a), self.counting.numbers(self.b)) == ([1, 2, 3], [1, 2])
        assert self.counting.held() == []


class DayOfCommands(Day):
    """Two steps and a second attempt, one that is undone, one that fails and is overtaken, one that cannot be read."""

    log = COMMANDS

    def tell(self, number: int) -> list[list[Delivery]]:  # noqa: ARG002 - the sagas' ids are new ones
        asked = self.counting.asked
        self.steps, self.undone, self.overtaken, self.odd = (new_id() for _ in range(4))
        self.faults.breaks(self.overtaken)
        return [
            [
                asked(Add, self.steps, 5, step="one"),
                asked(Add, self.steps, UNLUCKY, step="two"),
                asked(Add, self.undone, 7),
                asked(Add, self.overtaken, 9),
                asked(Add, self.odd, 1, body=b"{}"),
            ],
            [
                asked(Add, self.odd, 1, attempt=2),
                asked(TakeAway, self.overtaken, 9),
                asked(TakeAway, self.undone, 7),
                asked(Add, self.steps, 5, step="one", attempt=2),
            ],
        ]

    def check(self) -> None:
        sagas = (self.steps, self.undone, self.overtaken, self.odd)
        assert [self.counting.numbers(saga_id) for saga_id in sagas] == [[5], [7, -7], [], [1]]
        assert [self.counting.replies(saga_id) for saga_id in sagas] == [
            [("one", 1, "done"), ("two", 1, "refused"), ("one", 2, "done")],
            [("step", 1, "done"), ("step.compensation", 1, "done")],
            [("step.compensation", 1, "done")],
            [("step", 2, "done")],
        ]
        replies = [(row.subject, row.sequence) for row in self.counting.outbox() if row.type == "Reply"]
        assert sorted(replies) == sorted(
            (str(each), n) for each, last in zip(sagas, (3, 2, 1, 1), strict=True) for n in range(1, last + 1)
        )
        assert self.counting.held() == [(str(self.odd), 1, "parked")]


def killed(_: Day) -> None:
    raise Killed


def replaced(day: Day) -> None:
    day.another_takes_over()


@pytest.mark.parametrize("make", [DayOfEvents, DayOfCommands])
@pytest.mark.parametrize("interruption", [killed, replaced])
def test_whatever_a_reader_leaves_undone_is_done_once_by_the_next(
    on_mongodb: MongoCounting, faults: Faults, interruption: Callable[[Day], None], make: type[Day]
) -> None:
    for write in count(1):
        day, interruptions = make(on_mongodb, faults, write), list[Day]()

        def interrupt(day: Day = day, interruptions: list[Day] = interruptions) -> None:
            interruptions.append(day)
            interruption(day)

        with suppress(Killed, ReaderReplaced), interrupted(write, interrupt):
            day.work()
        if interruptions:
            day.another_takes_over()
            faults.broken.clear()
        day.check()
        on_mongodb.forget_messages()
        if not interruptions:
            assert write > 10, "there were as many writes to be interrupted"
            return


@pytest.mark.parametrize("together", [True, False], ids=["new ones", "held ones"])
def test_a_reader_that_is_frozen_while_a_compensation_overtakes_its_commands_writes_nothing_beside_it(
    on_mongodb: MongoCounting, faults: Faults, together: bool
) -> None:
    ways = set[tuple[str, ...]]()
    for write in count(1):
        saga_id, was_frozen = new_id(), list[bool]()
        on_mongodb.take(on_mongodb.asked(Add, saga_id, 5, step="one"))
        attempts = [on_mongodb.asked(Add, saga_id, 7, step="two", attempt=attempt) for attempt in (1, 2)]
        undo = on_mongodb.asked(TakeAway, saga_id, 7, step="two")

        def another_fails_and_undoes(
            saga_id: UUID = saga_id,
            commands: list[Delivery] = [*attempts, undo],  # noqa: B006 - of this turn
            was_frozen: list[bool] = was_frozen,
        ) -> None:
            was_frozen.append(True)
            on_mongodb.end_readers()
            on_mongodb.take_over()
            faults.breaks(saga_id)
            for command in commands if together else commands[-1:]:
                on_mongodb.take(command)
            faults.broken.clear()

        frozen, position = on_mongodb.applier, on_mongodb.positions[COMMANDS]
        if not together:
            faults.breaks(saga_id)
            on_mongodb.take(*attempts)
            faults.broken.clear()
            on_mongodb.make_due()
        with suppress(ReaderReplaced), interrupted(write, another_fails_and_undoes):
            if together:
                frozen.apply(COMMANDS, attempts, position)
            else:
                frozen.retry(COMMANDS, on_mongodb.positions[COMMANDS])
        if not was_frozen:
            break
        on_mongodb.retry_all(COMMANDS)
        assert on_mongodb.held() == []
        steps = tuple(step for step, _, _ in on_mongodb.replies(saga_id))
        assert on_mongodb.numbers(saga_id) == ([5, 7, -7] if "two" in steps else [5])
        assert steps[-1] == "two.compensation"
        ways.add(steps)
    assert ways >= {("one", "two.compensation"), ("one", "two", "two", "two.compensation")}
