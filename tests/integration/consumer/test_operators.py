"""An operator looks at what is parked, tries it again, or gives it up."""

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infirmary.identifiers import new_id
from services.__main__ import cli
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, Add, Faults


def parked(counting: Counting, *words: str) -> Result:
    arguments = [counting.cli_service, "parked", *words]
    return CliRunner().invoke(cli, arguments, env={"DATABASE_URL": counting.settings.database_url})


def listed(counting: Counting) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(parked(counting, "list", "--json").output)
    return rows


def first_id(counting: Counting) -> str:
    return str(listed(counting)[0]["id"])


@pytest.fixture
def stuck(counting: Counting, faults: Faults) -> Counting:
    """The counting service with event 1 of `b` parked, and 2 and 3 behind it."""
    faults.breaks("b")
    counting.read(*(counting.told("b", number) for number in (1, 2, 3)), counting.told("a", 1))
    faults.broken.clear()
    return counting


def test_the_list_says_what_is_parked_and_what_waits(stuck: Counting) -> None:
    assert [(row["subject"], row["sequence"], row["state"]) for row in listed(stuck)] == [
        ("b", 1, "parked"),
        ("b", 2, "waits"),
        ("b", 3, "waits"),
    ]
    header, *lines = parked(stuck, "list").output.splitlines()
    assert header.split()[:4] == ["id", "channel", "type", "subject"]
    assert len(lines) == 3


def test_nothing_parked_is_said_in_words(counting: Counting) -> None:
    assert parked(counting, "list").output == "Nothing is parked.\n"
    assert listed(counting) == []


def test_one_is_shown_with_its_error_and_its_body_and_to_whoever_asks_with_the_calls(stuck: Counting) -> None:
    shown = json.loads(parked(stuck, "show", first_id(stuck), "--json").output)
    assert shown["body"] == {"counter": "b", "number": 1}
    assert shown["error"].startswith("Unlucky")
    assert "in count_told" in shown["traceback"]
    assert "Unlucky: b" in parked(stuck, "show", first_id(stuck)).output
    assert "count_told" not in parked(stuck, "show", first_id(stuck)).output
    assert "in count_told" in parked(stuck, "show", first_id(stuck), "--verbose").output


@pytest.mark.parametrize("unknown", ["17", "nonsense", str(new_id())], ids=["a number", "no id", "unknown"])
def test_an_unknown_one_is_not_shown(counting: Counting, unknown: str) -> None:
    result = parked(counting, "show", unknown)
    assert result.exit_code == 1
    assert f"there is no parked message {unknown}" in result.output


@pytest.mark.parametrize("which", ["one", "all"])
def test_what_an_operator_makes_due_is_applied_by_the_consumer_with_all_that_waits_behind(
    stuck: Counting, which: str
) -> None:
    stuck.make_due(after=timedelta(hours=1))
    stuck.retry(LOG)
    assert stuck.numbers("b") == []
    result = parked(stuck, "retry", "--all" if which == "all" else first_id(stuck))
    assert result.exit_code == 0, result.output
    while stuck.retry(LOG):
        pass
    assert stuck.numbers("b") == [1, 2, 3]


def test_discarding_an_event_passes_its_sequence_so_that_later_ones_go_on(stuck: Counting) -> None:
    stuck.make_due(after=timedelta(hours=1))
    result = parked(stuck, "discard", first_id(stuck), "--yes")
    assert result.exit_code == 0, result.output
    assert "goes on after message 1" in result.output
    while stuck.retry(LOG):
        pass
    stuck.read(stuck.told("b", 4))
    assert stuck.numbers("b") == [2, 3, 4]


def test_an_event_is_not_discarded_before_those_that_it_waits_for_or_without_a_yes(stuck: Counting) -> None:
    result = parked(stuck, "discard", str(listed(stuck)[1]["id"]), "--yes")
    assert result.exit_code == 1
    assert "message 2 of b waits for message 1" in result.output
    result = parked(stuck, "discard", first_id(stuck))
    assert result.exit_code == 1
    assert "--yes" in result.output
    assert len(listed(stuck)) == 3
    assert stuck.sequences() == {("ward", "a"): 1}


def test_what_waits_for_a_message_that_will_never_come_goes_on_without_it(counting: Counting) -> None:
    counting.read(*(counting.told("b", number) for number in (1, 4, 5)))
    waits = first_id(counting)
    refused = parked(counting, "discard", waits, "--yes")
    assert "waits for message 2" in refused.output
    assert "Nothing was changed" in parked(counting, "skip", waits).output
    assert "message 4 of b has come" in parked(counting, "skip", str(listed(counting)[1]["id"]), "--yes").output
    result = parked(counting, "skip", waits, "--yes")
    assert result.exit_code == 0, result.output
    while counting.retry(LOG):
        pass
    assert (counting.numbers("b"), counting.held()) == ([1, 4, 5], [])
    counting.read(counting.told("b", 2))
    assert counting.numbers("b") == [1, 4, 5]


def test_a_subject_never_goes_back_behind_what_was_applied_or_passed(stuck: Counting) -> None:
    stuck.parked().pass_up_to(LOG, {"a": 4, "b": 2, "c": 1})
    stuck.parked().pass_up_to(LOG, {"a": 1, "b": 3})
    assert stuck.sequences() == {("ward", "a"): 4, ("ward", "b"): 3, ("ward", "c"): 1}


def test_what_waits_for_one_that_is_parked_cannot_skip_it(stuck: Counting) -> None:
    result = parked(stuck, "skip", str(listed(stuck)[1]["id"]), "--yes")
    assert (result.exit_code, "message 1 of b has come" in result.output) == (1, True)
    assert "waits for no other one" in parked(stuck, "skip", first_id(stuck), "--yes").output


def test_a_discarded_command_lets_the_next_of_its_saga_through(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    faults.breaks(saga_id)
    counting.take(counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, attempt=2))
    faults.broken.clear()
    assert parked(counting, "discard", first_id(counting), "--yes").exit_code == 0
    while counting.retry(COMMANDS):
        pass
    assert counting.numbers(saga_id) == [5]
    assert (counting.replies(), counting.held()) == ([("step", 2, "done")], [])


def test_what_cannot_be_read_at_all_can_be_shown_and_discarded(counting: Counting) -> None:
    counting.read(counting.rubbish(message_id="no uuid"))
    assert listed(counting)[0]["state"] == "unreadable"
    assert "rubbish" in parked(counting, "show", first_id(counting)).output
    assert parked(counting, "retry", "--all").output.startswith("Due now: 0.")
    assert parked(counting, "discard", first_id(counting), "--yes").exit_code == 0
    assert listed(counting) == []
