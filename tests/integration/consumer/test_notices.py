"""Notices: what one service tells another in a log to it alone, beside commands, and nobody answers."""

from infirmary.identifiers import new_id
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, Add


def test_notices_are_applied_once_in_the_order_of_their_track_and_not_answered(counting: Counting) -> None:
    track, saga_id = new_id(), new_id()
    first, second, third = (counting.noticed(track, number) for number in (1, 2, 3))
    counting.take(first, counting.asked(Add, saga_id, 5), third, second)
    counting.retry_all(COMMANDS)  # the third came before the second
    counting.take(second)
    assert counting.numbers(f"{track} of admission") == [1, 2, 3]
    assert counting.replies() == [("step", 1, "done")]
    assert counting.sequences()[COMMANDS, str(track)] == 3


def test_one_that_fails_waits_and_those_of_other_tracks_go_on(counting: Counting) -> None:
    broken, other = new_id(), new_id()
    counting.faults.breaks(f"{broken} of admission")
    counting.take(*(counting.noticed(track, number) for number in (1, 2) for track in (broken, other)))
    assert (counting.numbers(f"{broken} of admission"), counting.numbers(f"{other} of admission")) == ([], [1, 2])
    counting.faults.broken.clear()
    counting.retry_all(COMMANDS)
    assert counting.numbers(f"{broken} of admission") == [1, 2]


def test_one_that_cannot_be_read_is_held_and_later_ones_are_applied(counting: Counting) -> None:
    track = new_id()
    counting.take(counting.noticed(track, 1, body=b"{}"), counting.noticed(track, 2))
    (held,) = counting.parked().everything()
    assert "MalformedMessage" in (held.error or "")
    assert counting.numbers(f"{track} of admission") == [2]


def test_whoever_is_told_notices_reads_the_logs_of_those_who_tell_them(counting: Counting) -> None:
    assert COMMANDS in counting.dispatcher.logs()
    assert counting.dispatcher.handlers.noticed_by == {"admission"}
