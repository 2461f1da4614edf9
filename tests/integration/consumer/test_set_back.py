"""A consumer whose database was set back applies nothing, says why, and goes on by itself when that was mended."""

from functools import partial

import pytest
from click.testing import CliRunner, Result

from infirmary.incarnation import DatabaseSetBack
from infirmary.observing.health import Reason
from services.__main__ import cli
from tests.eventually import eventually
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import LOG
from tests.integration.consumer.publisher import Publisher, consuming

patiently = partial(eventually, within_s=60.0)


def test_it_is_asked_before_anything_is_applied(counting: Counting) -> None:
    counting.store.check_incarnation()
    counting.mark_set_back("a backup was put back")
    with pytest.raises(DatabaseSetBack, match="a backup was put back"):
        counting.store.check_incarnation()


def test_it_applies_nothing_while_its_database_is_marked(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    counting.end_reader(counting.store)
    publisher.tell("a", 1)
    with consuming(counting, rabbitmq_url) as liveness:
        patiently(lambda: counting.numbers("a") == [1], because="it applies what comes")
        counting.mark_set_back("a backup was put back")
        patiently(lambda: "a backup was put back" in (liveness.not_ready() or ""), because="it says why it does not")
        problem = liveness.problem()
        assert problem is not None
        assert problem.reason == Reason.SET_BACK
        publisher.tell("a", 2)
        counting.mark_set_back(None)
        patiently(lambda: counting.numbers("a") == [1, 2], because="it goes on")


def command(counting: Counting, *words: str) -> Result:
    return CliRunner().invoke(cli, [counting.cli_service, *words], env={"DATABASE_URL": counting.settings.database_url})


@pytest.mark.parametrize(
    "words",
    [("parked", "retry", "--all"), ("parked", "discard", "ID", "--yes"), ("parked", "skip", "ID", "--yes"),
     ("losses", "settle", LOG, "--yes")],
    ids=["retry", "discard", "skip", "settle"],
)  # fmt: skip
def test_an_operator_changes_nothing_of_a_database_that_was_set_back_and_may_look(
    counting: Counting, words: tuple[str, ...]
) -> None:
    counting.read(counting.told("b", 1), counting.told("b", 3))
    ((held, *_),) = [line.split() for line in command(counting, "parked", "list").output.splitlines()[1:]]
    counting.mark_set_back("a backup was put back")
    refused = command(counting, *(held if word == "ID" else word for word in words))
    assert (refused.exit_code, "a backup was put back" in refused.output) == (1, True)
    assert "`restore` does that" in refused.output
    assert (counting.sequences()["ward", "b"], len(counting.held())) == (1, 1)
    for look in (("parked", "list"), ("parked", "show", held), ("losses", "list")):
        assert command(counting, *look).exit_code == 0
