"""A consumer that is killed just before or just after its work is certain."""

from collections.abc import Iterator

import pytest

from infirmary.consumer.crash_points import CrashPoints
from infirmary.consumer.delivery import Delivery
from infirmary.identifiers import new_id
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.interruptions import Killed
from tests.integration.consumer.messages import COMMANDS, LOG, Add, TakeAway


@pytest.fixture(params=["before_commit", "after_commit"])
def _killed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ends the process when it first comes to a point."""
    with pytest.MonkeyPatch.context() as patch:

        def reached(_: CrashPoints, point: str) -> None:
            if point == request.param:
                patch.undo()
                raise Killed

        patch.setattr(CrashPoints, "reached", reached)
        yield


@pytest.mark.usefixtures("_killed")
@pytest.mark.parametrize("log", [LOG, COMMANDS])
def test_what_was_under_way_is_applied_once(counting: Counting, log: str) -> None:
    saga_id = new_id()
    batches = {
        LOG: [counting.told("a", 2), counting.told("a", 1), counting.told("b", 1)],
        COMMANDS: [
            counting.asked(Add, saga_id, 5),
            counting.asked(TakeAway, saga_id, 5),
            counting.asked(Add, new_id(), 7),
        ],
    }
    with pytest.raises(Killed):
        counting.apply(log, *batches[log])
    counting.end_reader(counting.store)
    counting.take_over()
    left = behind(counting, log, batches[log])
    if left:
        counting.apply(log, *left)
    counting.retry_all(log)
    assert counting.held() == []
    if log == LOG:
        assert (counting.numbers("a"), counting.numbers("b"), len(counting.outbox())) == ([1, 2], [1], 3)
    else:
        assert counting.numbers(saga_id) == [5, -5]
        assert counting.replies(saga_id) == [("step", 1, "done"), ("step.compensation", 1, "done")]
        assert len(counting.replies()) == 3


def behind(counting: Counting, log: str, deliveries: list[Delivery]) -> list[Delivery]:
    """Returns what the next reader gets of deliveries: those behind the stored offset."""
    counting.positions[log] = counting.store.positions.read(log)
    last = counting.positions[log].last_offset
    return [each for each in deliveries if last is None or (each.offset or 0) > last]
