"""Where no message can be lent out: one is discarded before any single write of the consumer that is just trying it."""

from contextlib import suppress
from itertools import count

import pytest

from infirmary.operator.parked import CannotDiscard, check_discard, discard
from tests.integration.consumer.interruptions import interrupted
from tests.integration.consumer.messages import LOG, Faults
from tests.integration.consumer.on_mongodb import MongoCounting


class Operator:
    """Somebody who discards the first held message.

    Attributes:
        was_asked: Whether it was time for it.
        has_discarded: Whether it was there, so that it was said to be never applied.
    """

    def __init__(self, counting: MongoCounting) -> None:
        self._counting = counting
        self._first = str(next(iter(counting.parked().everything())).id)
        self.was_asked = self.has_discarded = False

    def discards(self) -> None:
        """Discards it."""
        parked, self.was_asked = self._counting.parked(), True
        with suppress(CannotDiscard):
            discard(parked, check_discard(parked, self._first))
            self.has_discarded = True


@pytest.mark.parametrize("fails_again", [True, False])
def test_what_is_discarded_while_it_is_tried_is_applied_at_most_once_and_told_and_what_follows_it_is_applied(
    on_mongodb: MongoCounting, faults: Faults, caplog: pytest.LogCaptureFixture, *, fails_again: bool
) -> None:
    for write in count(1):
        counter = f"a{write}"
        faults.breaks(counter)
        on_mongodb.read(on_mongodb.told(counter, 1), on_mongodb.told(counter, 2))
        on_mongodb.make_due()
        if not fails_again:
            faults.broken.clear()
        operator = Operator(on_mongodb)
        caplog.clear()
        with interrupted(write, operator.discards):
            on_mongodb.retry(LOG)
        faults.broken.clear()
        on_mongodb.retry_all(LOG)
        assert on_mongodb.numbers(counter) in ([1, 2], [2])
        assert on_mongodb.held() == []
        was_told_wrongly = operator.has_discarded and 1 in on_mongodb.numbers(counter)
        assert ("tried while somebody removed them: 1" in caplog.text) is was_told_wrongly
        if not operator.was_asked:
            assert write > (1 if fails_again else 4), "there were as many writes to be interrupted"
            return
