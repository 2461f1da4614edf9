"""What is confirmed waits for a look at its target that began afterwards, and is wrong when that finds another."""

import pytest

from infirmary_relay.broker.declarer import IS_THERE, Unanswered
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.looks import Looks


class Asked:
    """Answers when it is told to, one question at a time."""

    def __init__(self) -> None:
        self.questions = 0
        self.answer: str | None = None
        self._runs = False

    def __call__(self, _target: str) -> str | None:
        self.questions += not self._runs
        self._runs = True
        answer, self.answer = self.answer, None
        self._runs = answer is None
        return answer


def test_what_is_confirmed_waits_for_its_look() -> None:
    asked = Asked()
    looks = Looks(asked)
    wanted = looks.want({"log"}, 1.0)
    assert looks.found(wanted, 1.001) is None
    asked.answer = IS_THERE
    assert looks.found(wanted, 1.002) == {}


def test_another_target_is_told_with_its_error_until_somebody_finds_it_right_again() -> None:
    asked = Asked()
    looks = Looks(asked)
    first = looks.want({"log"}, 1.0)
    asked.answer = "it is a queue"
    assert looks.found(first, 1.001) == {"log": "it is a queue"}
    sent_before = looks.want({"log"}, 1.2)
    assert looks.found(sent_before, 1.3) == {"log": "it is a queue"}
    looks.right("log")
    asked.answer = IS_THERE
    assert looks.found(looks.want({"log"}, 2.0), 2.001) == {}
    assert looks.found(sent_before, 2.1) == {"log": "it is a queue"}


def test_under_load_there_are_ten_looks_a_second_and_at_rest_none() -> None:
    asked = Asked()
    looks = Looks(asked)
    for millisecond in range(10_000):
        asked.answer = IS_THERE
        assert looks.found(looks.want({"log"}, 1 + millisecond / 1000), 1 + millisecond / 1000) == {}
    assert 95 <= asked.questions <= 105


def test_what_cannot_be_found_out_is_asked_again_and_given_up_after_a_while() -> None:
    asked = Asked()
    looks = Looks(asked)
    wanted = looks.want({"log"}, 1.0)
    asked.answer = Unanswered("connection refused")
    assert looks.found(wanted, 1.1) is None
    assert looks.found(wanted, 1.2) is None
    assert asked.questions == 2
    with pytest.raises(BrokerLostError, match="a look at log"):
        looks.found(wanted, 7.0)
    looks.reset_in_flight()
    asked.answer = IS_THERE
    assert looks.found(wanted, 20.0) == {}
