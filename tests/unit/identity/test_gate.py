"""A token that was found good is looked at again only when it is over or its key is another one."""

from collections.abc import Mapping

import pytest

from infirmary.identity.gate import Gate
from infirmary.identity.key_cache import UNKNOWN_EVERY_S, KeyCache
from infirmary.identity.keys import Keys, keys_in
from infirmary.identity.refusal import Refused
from tests.unit.identity.made_tokens import CLAIMS, EXPECTED, KEY, NOW_S, STRANGERS, signed

LIFE_S = CLAIMS["exp"] - NOW_S


class Door:
    """A gate whose clock and whose provider's keys are set by hand."""

    def __init__(self) -> None:
        self.now_s = float(NOW_S)
        self.keys: Mapping[str, object] = KEY.as_dict(private=False)
        self.fetched = 0
        self.gate = Gate(EXPECTED, KeyCache(self._fetch, lambda: self.now_s), lambda: self.now_s)

    def _fetch(self) -> Keys:
        self.fetched += 1
        return keys_in({"keys": [self.keys]})

    def let_in(self, token: str) -> str:
        return self.gate.caller(f"Bearer {token}").subject


def test_a_token_that_was_good_once_is_not_good_for_ever() -> None:
    door, token = Door(), signed()
    assert door.let_in(token) == door.let_in(token) == "ada"
    door.now_s += LIFE_S + 29
    assert door.let_in(token) == "ada"
    door.now_s += 1
    with pytest.raises(Refused, match="has expired"):
        door.let_in(token)


def test_a_token_that_was_good_is_none_when_its_key_is_another_one() -> None:
    door, token = Door(), signed()
    door.let_in(token)
    door.keys, door.now_s = STRANGERS.as_dict(private=False), NOW_S + UNKNOWN_EVERY_S
    with pytest.raises(Refused, match="does not have"):
        door.let_in(signed(header={"kid": "unknown"}))  # has the keys fetched
    assert door.fetched == 2
    with pytest.raises(Refused, match="signature is not good"):
        door.let_in(token)


def test_tokens_beyond_number_are_all_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infirmary.identity.gate._MOST_REMEMBERED", 3)
    door, first = Door(), signed()
    for number in range(5):
        assert door.let_in(signed(sub=f"person-{number}")) == f"person-{number}"
    assert door.let_in(first) == "ada"


def test_a_token_that_was_refused_is_refused_again() -> None:
    door = Door()
    for _ in range(2):
        with pytest.raises(Refused, match="aud"):
            door.let_in(signed(aud="elsewhere"))
