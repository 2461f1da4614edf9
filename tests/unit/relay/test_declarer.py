"""Targets are looked at beside the loop, on connections that are kept as long as there is something to look at."""

import threading

import pytest

from infirmary_relay.broker import declarer
from infirmary_relay.broker.declarer import IS_THERE, Declarer
from tests.eventually import eventually


class Connection:
    """Answers as it is told, when it is told."""

    def __init__(self, opened: "list[Connection]", answers: dict[str, str | Exception | None]) -> None:
        opened.append(self)
        self.is_open = True
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._answers = answers

    def declare(self, target: str) -> str | None:
        self.may_answer.wait(10)
        answer = self._answers.get(target)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.is_open = False


def test_one_connection_is_kept_for_all_questions_and_closed_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declarer, "_KEPT_S", 0.2)
    opened: list[Connection] = []
    asking = Declarer(lambda: Connection(opened, {"missing": "it is missing"}))
    for _ in range(50):
        assert asking.ask("missing", timeout_s=5) == "it is missing"
        assert asking.ask("there", timeout_s=5) == IS_THERE
    assert len(opened) == 1
    eventually(lambda: not opened[0].is_open, because="nobody asks any more")


def test_many_questions_at_once_share_a_few_connections() -> None:
    opened: list[Connection] = []
    asking = Declarer(lambda: Connection(opened, {}))
    names = {f"t{number}" for number in range(500)}
    waiting = {name for name in names if asking.ask(name) is None}
    eventually(lambda: all(asking.ask(name, timeout_s=1) == IS_THERE for name in waiting), because="all are answered")
    assert len(opened) <= 4


def test_whatever_a_question_raises_is_its_answer_and_the_next_has_a_new_connection() -> None:
    opened: list[Connection] = []
    asking = Declarer(lambda: Connection(opened, {"odd": ValueError("an odd name")}))
    assert asking.ask("fine", timeout_s=5) == IS_THERE
    assert asking.ask("odd", timeout_s=5) == "an odd name"
    assert asking.ask("fine", timeout_s=5) == IS_THERE
    assert [each.is_open for each in opened[:-1]] == [False] * (len(opened) - 1)


def test_a_broker_that_cannot_be_reached_is_an_answer() -> None:
    def nobody() -> Connection:
        raise OSError("connection refused")

    assert Declarer(nobody).ask("any", timeout_s=5) == "connection refused"
