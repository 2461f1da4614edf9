"""The last number of a subject that has ended is forgotten when no log can bring anything of it, and not before."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from infirmary.consumer.log_beginnings import LogBeginnings
from infirmary.housekeeping import Chore
from infirmary.identifiers import least_id_of, new_id
from tests.eventually import eventually
from tests.integration.consumer.counting import DAY_S, Counting
from tests.integration.consumer.messages import LOG, Faults
from tests.integration.consumer.publisher import Publisher, consuming
from tests.integration.consumer.test_state_messages import CUT

patiently = partial(eventually, within_s=60.0)

DAYS = 30


@pytest.fixture
def subject() -> str:
    """The id of something that began a week ago."""
    return str(least_id_of(time.time() - 7 * DAY_S))


def later(days: float) -> float:
    return time.time() + days * DAY_S


def known(counting: Counting) -> dict[str, int]:
    return {subject: last for (_, subject), last in counting.sequences().items()}


def test_what_has_ended_is_forgotten_when_it_is_old_and_its_log_has_lost_it(counting: Counting, subject: str) -> None:
    counting.read(counting.told(subject, 1), counting.told(subject, 2, ends=1), counting.told("b", 1))
    counting.forget_ended(DAYS - 1, log_began=later(1))
    assert known(counting) == {subject: 2, "b": 1}, "it is not old enough"
    counting.forget_ended(DAYS + 1, log_began=later(-1))
    assert known(counting) == {subject: 2, "b": 1}, "the log may still hold it"
    counting.forget_ended(DAYS + 1, log_began=later(1))
    assert known(counting) == {"b": 1}


def test_nobody_forgets_before_readers_were_told_that_some_may_be_forgotten(counting: Counting, subject: str) -> None:
    counting.read(counting.told(subject, 1, ends=1))
    ended = counting.ended_subjects(lambda logs: dict.fromkeys(logs, later(1)), lambda: later(DAYS + 1))
    assert not ended.some()
    assert known(counting) == {subject: 1}
    assert counting.store.positions.read(LOG).may_have_forgotten(time.time() - 7 * DAY_S)
    assert counting.store.positions.forgotten_before().keys() == {LOG}


def test_nothing_is_forgotten_of_a_log_whose_beginning_cannot_be_seen(counting: Counting, subject: str) -> None:
    counting.read(counting.told(subject, 1, ends=1))
    ended = counting.ended_subjects(lambda _: {}, lambda: later(DAYS + 1))
    for _ in range(3):
        assert not ended.some()
    assert known(counting) == {subject: 1}


def test_an_event_after_the_end_counts_on_and_the_end_counts_no_more(counting: Counting, subject: str) -> None:
    counting.read(counting.told(subject, 1, ends=1))
    counting.read(counting.told(subject, 2))
    counting.forget_ended(DAYS + 1, log_began=later(1))
    assert known(counting) == {subject: 2}
    counting.read(counting.told(subject, 3, ends=1))
    counting.forget_ended(DAYS + 1, log_began=later(1))
    assert known(counting) == {}


@pytest.mark.parametrize("number", [1, 3])
def test_an_event_of_what_was_forgotten_is_applied_whether_its_writer_has_forgotten_it_or_not(
    counting: Counting, subject: str, number: int
) -> None:
    counting.read(counting.told(subject, 1), counting.told(subject, 2, ends=1))
    counting.forget_ended(DAYS + 1, log_began=later(1))
    late = counting.told(subject, number)
    counting.read(late, counting.told(subject, number + 1))
    counting.read(late)
    assert (counting.numbers(subject), counting.held()) == ([1, 2, number, number + 1], [])


def test_who_knows_a_subject_still_whose_numbers_begin_anew_holds_them_for_an_operator(
    counting: Counting, subject: str
) -> None:
    """Its writer has forgotten it, after twice the time; something of it is held here, or housekeeping stands still."""
    counting.read(counting.told(subject, 1), counting.told(subject, 2, ends=1))
    counting.read(counting.told(subject, 1, message_id=least_id_of(later(2 * DAYS))))
    assert counting.held() == [(subject, 1, "parked")]
    assert "NumberGivenOutTwice" in counting.errors()[0]


def test_a_subject_that_begins_later_still_begins_with_its_first_event(counting: Counting, subject: str) -> None:
    counting.read(counting.told(subject, 1, ends=1))
    counting.forget_ended(DAYS + 1, log_began=later(1))
    young = str(least_id_of(later(DAYS)))
    counting.read(counting.told(young, 2))
    assert (counting.numbers(young), counting.held()) == ([], [(young, 2, "waits")])
    counting.read(counting.told(young, 1))
    counting.retry_all(LOG)
    assert (counting.numbers(young), counting.held()) == ([1, 2], [])


def test_what_is_held_of_a_subject_keeps_its_place(counting: Counting, faults: Faults, subject: str) -> None:
    faults.breaks(subject)
    counting.read(counting.told(subject, 1, ends=1))
    assert counting.held() == [(subject, 1, "parked")]
    counting.forget_ended(DAYS + 1, log_began=later(1))
    faults.broken.clear()
    counting.retry_all(LOG)
    counting.read(counting.told(subject, 2))
    assert (counting.numbers(subject), counting.held()) == ([1, 2], [])


def test_nothing_is_forgotten_that_ended_after_something_had_begun_whose_first_message_fails(
    counting: Counting, faults: Faults, subject: str
) -> None:
    failing = str(least_id_of(time.time() - DAY_S))
    faults.breaks(failing)
    counting.read(counting.told(subject, 1, ends=1), counting.told(failing, 1), counting.told(failing, 2))
    counting.forget_ended(DAYS + 1, log_began=later(1))
    assert known(counting) == {subject: 1}
    counting.read(counting.told(failing, 3))
    assert counting.numbers(failing) == [], "it would have been taken for what goes on after an end"
    faults.broken.clear()
    counting.retry_all(LOG)
    assert (counting.numbers(failing), counting.held()) == ([1, 2, 3], [])
    counting.forget_ended(DAYS + 1, log_began=later(1))
    assert known(counting) == {failing: 3}


def test_what_goes_on_after_an_end_waits_for_what_fails_of_it(counting: Counting, faults: Faults, subject: str) -> None:
    """The first one came when its reader had not been told yet that the subject may be forgotten."""
    counting.read(counting.told(subject, 1, ends=1))
    unaware = counting.positions[LOG]
    counting.forget_ended(DAYS + 1, log_began=later(1))
    counting.positions[LOG] = unaware
    counting.read(counting.told(subject, 2))
    assert counting.held() == [(subject, 2, "waits")]
    counting.positions[LOG] = counting.store.positions.read(LOG)
    faults.breaks(subject)
    counting.retry_all(LOG)
    counting.read(counting.told(subject, 3))
    faults.broken.clear()
    counting.retry_all(LOG)
    assert (counting.numbers(subject), counting.held()) == ([1, 2, 3], [])


def test_what_has_no_time_in_its_id_is_not_forgotten_and_begins_with_its_first_event(
    counting: Counting, subject: str
) -> None:
    counting.read(counting.told(subject, 1, ends=1), counting.told("a", 1, ends=1))
    counting.forget_ended(DAYS + 1, log_began=later(1))
    assert known(counting) == {"a": 1}
    counting.read(counting.told("b", 2), counting.told("b", 1))
    counting.retry_all(LOG)
    assert (counting.numbers("b"), counting.held()) == ([1, 2], [])


def test_state_that_is_told_again_of_what_was_forgotten_is_no_news_and_its_number_is_known_again(
    counting: Counting, subject: str
) -> None:
    counting.read(counting.told(subject, 1), counting.told(subject, 2, ends=1))
    counting.forget_ended(DAYS + 1, log_began=later(1))
    counting.read(counting.told(subject, 2, state=2, ends=1), counting.told(subject, 3, 2, state=1, ends=1))
    assert (counting.numbers(subject), known(counting), counting.held()) == ([1, 2], {subject: 2}, [])
    counting.forget_ended(DAYS + 1, log_began=later(1))
    assert known(counting) == {}


def test_the_end_that_comes_once_more_begins_its_time_anew(counting: Counting, subject: str) -> None:
    end = counting.told(subject, 1, ends=1)
    counting.read(end)
    first_read = time.time()
    counting.read(end)
    cut = first_read + 600.0 - time.time()  # a log that begins between the two, for whoever counts ten minutes as late
    counting.forget_ended(DAYS + 1, log_began=time.time() + cut)
    assert known(counting) == {subject: 1}


def test_the_beginning_of_a_log_is_what_its_first_message_says(
    counting: Counting,
    publisher: Publisher,
    rabbitmq_url: str,
) -> None:
    now = [0.0]
    told = beginnings(counting, rabbitmq_url, lambda: now[0])
    missing = f"{LOG}.63"
    assert told([LOG, missing]) == {}
    publisher.tell("a", 1, time="2026-11-26T12:00:00+00:00")
    publisher.tell("a", 2, time="2026-11-27T12:00:00+00:00")
    assert told([LOG, missing]) == {}, "it asks now and then"
    now[0] = 601.0
    assert told([LOG, missing]) == {LOG: 1_795_694_400.0}


def test_a_process_that_reads_is_told_that_subjects_may_be_forgotten(
    counting: Counting,
    publisher: Publisher,
    rabbitmq_url: str,
    subject: str,
) -> None:
    counting.end_reader(counting.store)
    with consuming(counting, rabbitmq_url, LOG):
        publisher.tell(subject, 1)
        publisher.tell(subject, 2, ends=1)
        patiently(lambda: counting.numbers(subject) == [1, 2], because="it has come to its end")
        patiently(
            lambda: known(counting) == {subject: 2}, because="its number is noted, in MongoDB behind what it does"
        )
        ended = counting.ended_subjects(lambda logs: dict.fromkeys(logs, later(1)), lambda: later(DAYS + 1))
        ended.some()
        publisher.tell(str(new_id()), 1)
        ended.some()
        assert subject not in known(counting)
        publisher.tell(subject, 3)
        patiently(lambda: counting.numbers(subject) == [1, 2, 3], because="it goes on")
    assert counting.held() == []


def test_what_retention_has_cut_off_a_real_log_is_forgotten_and_not_before(
    counting: Counting,
    publisher: Publisher,
    rabbitmq_url: str,
    subject: str,
) -> None:
    counting.end_reader(counting.store)
    publisher.delete(LOG)
    publisher.declare(LOG, **CUT)

    def month_later() -> Chore:
        return counting.ended_subjects(beginnings(counting, rabbitmq_url), lambda: later(DAYS + 1))

    with consuming(counting, rabbitmq_url, LOG):
        publisher.tell(subject, 1, time=iso(0))
        publisher.tell(subject, 2, time=iso(0), ends=1)
        patiently(lambda: known(counting) == {subject: 2}, because="the end is noted")
        month_later().some()
        assert counting.open_store().positions.forgotten_before() == {}, "the log holds it still"
        for last in range(20, 141, 20):  # never so many that the log is cut in front of its reader
            publisher.tell("a", *range(last - 19, last + 1), time=iso(DAYS), note="x" * 1000)
            patiently(lambda: known(counting).get("a") == last, because="it is read")  # noqa: B023 - used at once
        patiently(lambda: not month_later().some() and subject not in known(counting), because="the log has lost it")
        publisher.tell(subject, 3)
        patiently(lambda: counting.numbers(subject) == [1, 2, 3], because="what comes late goes on")
    assert counting.held() == []


def beginnings(counting: Counting, rabbitmq_url: str, clock: Callable[[], float] = time.monotonic) -> LogBeginnings:
    """Returns what asks the broker, in the way in which this run reads."""
    ways = {"rabbitmq_url": rabbitmq_url, "rabbitmq_stream_port": counting.reading_port}
    return LogBeginnings("counting", counting.settings.model_copy(update=ways), clock)


def iso(days: float) -> str:
    """Returns the time of a message that is written so many days from now."""
    return datetime.fromtimestamp(later(days), UTC).isoformat()
