"""The parts of a split log in a service with a MongoDB database: shared out by leases, written by the same rule."""

from services.chassis.log_parts import home, name_of

from services.chassis.envelope import partition_of
from tests.integration.services.test_mongo_ledger import LOG, Counting, counting

__all__ = ["counting"]

LATER_PART = name_of("ward", 2)


def test_readers_know_who_else_lives(counting: Counting) -> None:
    other = counting.open_ledger()
    assert counting.ledger.rank() == (0, 1)
    ranks = {other.rank(), counting.ledger.rank()}
    assert ranks == {(0, 2), (1, 2)}
    other.close()
    assert counting.ledger.rank() == (0, 1)


def test_a_part_that_was_found_is_known_to_all_and_has_one_reader_at_a_time(counting: Counting) -> None:
    other = counting.open_ledger()
    counting.ledger.note_log(LATER_PART)
    counting.ledger.note_log(LATER_PART)
    assert other.offsets()[LATER_PART] is None
    assert counting.ledger.own(LATER_PART)
    assert not other.own(LATER_PART)
    counting.ledger.let_go(LATER_PART)
    assert other.own(LATER_PART)
    counting.ledger.tend()
    other.close()


def test_an_event_waits_for_the_one_before_it_in_another_part(counting: Counting) -> None:
    counting.ledger.own(LATER_PART)
    later = counting.ledger.position(LATER_PART)
    counting.ledger.apply_log(LATER_PART, [counting.told("a", 2)], later)
    assert counting.numbers("a") == []
    counting.read(counting.told("a", 1))
    counting.retry_now(LATER_PART)
    assert (counting.numbers("a"), counting.held()) == ([1, 2], [])


def test_a_subject_may_start_above_1_where_the_part_that_it_came_from_has_lost_its_beginning(
    counting: Counting,
) -> None:
    counting.ledger.own(LATER_PART)
    assert not counting.ledger.position(LATER_PART).beginning_expired
    counting.database.log_reader.update_one({"_id": LOG}, {"$set": {"first_offset": 7}})
    assert counting.ledger.position(LATER_PART).beginning_expired


def test_what_is_told_goes_to_the_part_of_its_subject(counting: Counting) -> None:
    counting.settings = counting.settings.model_copy(update={"log_parts": 4})
    counting.ledger.close()
    counting.ledger = counting.open_ledger()
    counting.ledger.own(LOG)
    counting.read(*(counting.told(counter, 1) for counter in "abcd"))
    targets = {row["subject"]: row["target"] for row in counting.outbox("Counted")}
    assert targets == {each: name_of("notification", home(partition_of(each), 4)) for each in "abcd"}
