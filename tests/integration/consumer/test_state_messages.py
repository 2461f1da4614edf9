"""State told again: for whoever knows nothing of a subject, or lacks what retention has taken; nobody else takes it."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from infirmary.consumer.loss import BEGAN_AT, Loss
from infirmary.identifiers import new_id
from infirmary.observing.health import Liveness
from services.__main__ import cli
from tests.eventually import eventually
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import LOG, Faults
from tests.integration.consumer.publisher import Publisher, consuming

CUT = {"x-max-length-bytes": 50_000, "x-stream-max-segment-size-bytes": 10_000}
patiently = partial(eventually, within_s=60.0)


def lose(counting: Counting) -> None:
    """Notes that something of the log has expired unread, and lets a new process read on."""
    counting.store.positions.note_loss(LOG, Loss(1, datetime.now(UTC)))
    counting.positions[LOG] = counting.store.positions.read(LOG)


def test_a_subject_that_is_not_known_goes_on_behind_what_its_state_message_stands_for(counting: Counting) -> None:
    counting.read(counting.told("a", 7, state=1), counting.told("a", 6), counting.told("a", 8))
    assert (counting.numbers("a"), counting.held()) == ([7, 8], [])


def test_a_subject_that_is_known_takes_no_state_message(counting: Counting) -> None:
    counting.read(counting.told("a", 1), counting.told("a", 1, state=1), counting.told("a", 5, state=1))
    assert counting.numbers("a") == [1]
    counting.read(counting.told("a", 2))
    assert (counting.numbers("a"), counting.held()) == ([1, 2], [])


def test_a_gap_that_cannot_close_is_jumped_and_what_waited_goes_on(counting: Counting) -> None:
    counting.read(counting.told("a", 1), *(counting.told("a", number) for number in (4, 5, 6)))
    lose(counting)
    counting.read(counting.told("a", 5, state=1))
    counting.retry_all(LOG)
    assert (counting.numbers("a"), counting.held()) == ([1, 5, 6], [])


def test_a_gap_that_is_met_after_an_operator_has_settled_the_loss_is_jumped_too(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting.read(counting.told("a", 1), counting.told("b", 1))
    lose(counting)
    monkeypatch.setenv("DATABASE_URL", counting.settings.database_url)
    settled = CliRunner().invoke(cli, [counting.cli_service, "losses", "settle", LOG, "--yes"])
    assert settled.exit_code == 0, settled.output
    counting.positions[LOG] = counting.store.positions.read(LOG)
    counting.read(*(counting.told("a", number) for number in (4, 5)), counting.told("a", 5, state=1))
    counting.retry_all(LOG)
    counting.read(counting.told("a", 6))
    assert (counting.numbers("a"), counting.held()) == ([1, 5, 6], [])


def test_several_state_messages_of_one_subject_are_all_applied(counting: Counting) -> None:
    """The second and third stand for the same sequence as the first, and are no copies of it."""
    counting.read(*(counting.told("a", number, 9, state=4 - number) for number in (1, 2, 3)), counting.told("a", 10))
    assert counting.numbers("a") == [1, 2, 3, 10]


def test_a_subject_that_was_met_in_its_middle_is_told_what_came_before(counting: Counting) -> None:
    """A reader that begins where the log's beginning has expired knows the subject from its fifth message on."""
    position = counting.positions[LOG]
    counting.positions[LOG] = replace(position, first_offset=7, complete_since=datetime.now(UTC))
    counting.read(counting.told("a", 5), counting.told("a", 6))
    counting.read(*(counting.told("a", number, 6, state=102 - number) for number in (100, 101)), counting.told("a", 7))
    assert (counting.numbers("a"), counting.held()) == ([5, 6, 100, 101, 7], [])


def test_one_that_fails_keeps_those_that_belong_with_it_and_no_other_subject(
    counting: Counting, faults: Faults
) -> None:
    faults.breaks("a")
    counting.read(*(counting.told("a", number, 9, state=3 - number) for number in (1, 2)), counting.told("b", 1))
    assert [state for _, _, state in counting.held()] == ["parked", "parked"]
    counting.read(counting.told("a", 10))
    assert (counting.numbers("a"), counting.numbers("b")) == ([], [1])
    faults.broken.clear()
    for _ in range(3):
        counting.retry_all(LOG)
    assert (counting.numbers("a"), counting.held()) == ([1, 2, 10], [])


def test_state_is_not_told_over_a_message_that_has_come_and_failed(counting: Counting, faults: Faults) -> None:
    faults.breaks("a")
    counting.read(counting.told("a", 1))
    lose(counting)
    counting.read(counting.told("a", 1, state=1))
    faults.broken.clear()
    counting.retry_all(LOG)
    assert (counting.numbers("a"), counting.held()) == ([1], [])


def test_what_is_done_only_for_news_is_not_done_for_state(counting: Counting) -> None:
    counting.dispatcher.handlers.only_news.add(("ward", "Told"))
    counting.read(counting.told("a", 3, state=1), counting.told("a", 4))
    assert counting.numbers("a") == [4]


def test_what_retention_has_taken_is_told_until_the_last_word_of_who_has_told_all_again(
    counting: Counting,
    publisher: Publisher,
    rabbitmq_url: str,
) -> None:
    cut(counting, publisher, rabbitmq_url)
    with consuming(counting, rabbitmq_url, LOG) as liveness:
        patiently(lambda: reason(liveness) == "messages_lost", because="somebody has to be told")
        assert f"`losses settle {LOG}`" in (liveness.not_ready() or "")
        assert lost() > 0
        publisher.tell("a", 401, state=1)
        told_all(publisher, datetime(2026, 1, 1, tzinfo=UTC), "too-early")
        patiently(lambda: counting.numbers("a")[-1] == 401, because="it jumps what is lost")
        assert lost() > 0
        told_all(publisher, datetime.now(UTC), "last-word")
        patiently(lambda: liveness.problem() is None, because="all has been told again")
        assert lost() == 0
        publisher.tell("a", 402)
        patiently(lambda: counting.numbers("a")[-1] == 402, because="it goes on")
    assert counting.held() == []
    assert counting.open_store().positions.losses() == {}


def test_an_operator_goes_on_without_what_retention_has_taken(
    counting: Counting,
    publisher: Publisher,
    rabbitmq_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", counting.settings.database_url)
    monkeypatch.setenv("RABBITMQ_URL", rabbitmq_url)

    def losses(*arguments: str) -> str:
        return CliRunner().invoke(cli, [counting.cli_service, "losses", *arguments]).output

    cut(counting, publisher, rabbitmq_url)
    with consuming(counting, rabbitmq_url, LOG) as liveness:
        patiently(lambda: reason(liveness) == "messages_lost", because="somebody has to be told")
        assert LOG in losses("list")
        assert "Nothing was changed" in losses("settle", LOG)
        assert "Done" in losses("settle", LOG, "--yes")
        patiently(lambda: counting.numbers("a")[-1:] == [400], because="what waited goes on")
        patiently(lambda: liveness.problem() is None, because="it is settled")
    assert counting.held() == []
    assert "Nothing is lost" in losses("list")
    assert "nothing of it" in losses("settle", LOG).replace(LOG, "it")


def cut(counting: Counting, publisher: Publisher, rabbitmq_url: str) -> None:
    """Lets retention cut the log while nobody reads it."""
    counting.end_readers()
    publisher.delete(LOG)
    publisher.declare(LOG, **CUT)
    publisher.tell("a", 1)
    with consuming(counting, rabbitmq_url, LOG):
        patiently(lambda: counting.numbers("a") == [1], because="the consumer works")
    for number in range(2, 401):
        publisher.tell("a", number, note="x" * 1000)


def told_all(publisher: Publisher, began: datetime, subject: str) -> None:
    """Publishes the last word of a ward that has told everything again."""
    body = b'{"%b": "%b"}' % (BEGAN_AT.encode(), began.isoformat().encode())
    headers = {"subject": subject, "sequence": 1, "state": 0}
    publisher.raw(LOG, body, message_id=str(new_id()), type="StateTold", app_id="ward", application_headers=headers)


def lost() -> float:
    return REGISTRY.get_sample_value("infirmary_log_lost_messages", {"log": LOG}) or 0.0


def reason(liveness: Liveness) -> str | None:
    problem = liveness.problem()
    return None if problem is None else problem.reason
