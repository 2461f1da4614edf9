"""Which of a provider's keys are taken, where they are said to be, and when they are asked for."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from infirmary.identity.discovery import key_set_url
from infirmary.identity.key_cache import FIRST_EVERY_S, UNKNOWN_EVERY_S, KeyCache
from infirmary.identity.keys import Keys, keys_in
from infirmary.identity.refusal import KeysMissing, Refused
from tests.eventually import eventually
from tests.unit.identity.made_tokens import KEY, STRANGERS

PUBLIC = KEY.as_dict(private=False)


class Provider:
    """Answers as it is told, at a time that it is told."""

    def __init__(self) -> None:
        self.names: list[str] | None = None
        self.asked = 0
        self.now_s = 0.0
        self.cache = KeyCache(self.fetch, lambda: self.now_s)

    def fetch(self) -> Keys:
        self.asked += 1
        if self.names is None:
            raise OSError("away")
        return keys_in({"keys": [{**PUBLIC, "kid": name} for name in self.names]})


def test_keys_that_check_signatures_are_taken_and_others_left_out() -> None:
    others: list[Mapping[str, Any]] = [
        OctKey.generate_key(256, {"kid": "shared"}).as_dict(),
        {**PUBLIC, "kid": "for-secrets", "use": "enc"},
        {**PUBLIC, "kid": "of-a-shared-kind", "alg": "HS256"},
        {name: value for name, value in PUBLIC.items() if name != "kid"},
        {"kty": "AKP", "kid": "of-tomorrow"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "EC", "kid": "nowhere", "crv": "P-256", "x": "AA", "y": "AA"},
    ]
    good = [
        PUBLIC,
        ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False),
        OKPKey.generate_key("Ed25519", {"kid": "ed"}).as_dict(private=False),
    ]
    assert set(keys_in({"keys": [*others, *good]})) == {"of-today", "ec", "ed"}


@pytest.mark.filterwarnings("ignore")
def test_a_key_that_is_too_short_is_left_out() -> None:
    short = RSAKey.generate_key(1024, {"kid": "short"}).as_dict(private=False)
    assert set(keys_in({"keys": [short, PUBLIC]})) == {"of-today"}


def test_a_private_key_that_a_provider_shows_by_mistake_is_taken_as_its_public_part() -> None:
    found = keys_in({"keys": [STRANGERS.as_dict(private=True)]})["of-today"]
    assert not found.is_private


@pytest.mark.parametrize("key_set", [None, [], {}, {"keys": None}, {"keys": []}, {"keys": [1]}, "keys"])
def test_a_key_set_without_a_key_is_none(key_set: object) -> None:
    with pytest.raises(ValueError, match="holds no key"):
        keys_in(key_set)


def test_keys_are_where_the_issuer_says() -> None:
    issuer = "https://identity.example"
    assert key_set_url({"issuer": issuer, "jwks_uri": "https://k.example/keys"}, issuer) == "https://k.example/keys"


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://other.example", "jwks_uri": "https://k.example/keys"},
        {"issuer": "https://identity.example", "jwks_uri": "http://k.example/keys"},
        {"issuer": "https://identity.example", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "https://identity.example"},
        {"jwks_uri": "https://k.example/keys"},
        [],
    ],
)
def test_another_issuers_configuration_or_keys_from_an_unsafe_place_are_refused(configuration: object) -> None:
    with pytest.raises(ValueError, match="the provider"):
        key_set_url(configuration, "https://identity.example")


def test_without_any_key_nobody_can_be_known() -> None:
    provider = Provider()
    with pytest.raises(KeysMissing):
        provider.cache.find("a")


def test_a_provider_that_was_away_is_asked_again_after_a_second() -> None:
    provider = Provider()
    for _ in range(3):
        with pytest.raises(KeysMissing):
            provider.cache.find("a")
    assert provider.asked == 1
    provider.names, provider.now_s = ["a"], FIRST_EVERY_S
    assert provider.cache.find("a").kid == "a"


def test_a_known_key_is_not_asked_for() -> None:
    provider = Provider()
    provider.names = ["a"]
    for _ in range(3):
        provider.cache.find("a")
    assert provider.asked == 1


def test_an_unknown_key_is_asked_for_once_a_minute_at_the_most() -> None:
    provider = Provider()
    provider.names = ["a"]
    provider.cache.find("a")
    for name in ("b", "c", "d"):
        with pytest.raises(Refused, match="does not have"):
            provider.cache.find(name)
    assert provider.asked == 1
    provider.names, provider.now_s = ["a", "b"], UNKNOWN_EVERY_S
    assert provider.cache.find("b").kid == "b"
    assert provider.asked == 2


def test_known_keys_go_on_while_the_provider_is_away() -> None:
    provider = Provider()
    provider.names = ["a"]
    provider.cache.find("a")
    provider.names, provider.now_s = None, UNKNOWN_EVERY_S
    with pytest.raises(Refused, match="does not have"):
        provider.cache.find("b")
    assert provider.asked == 2
    assert provider.cache.find("a").kid == "a"


def test_a_key_that_was_taken_back_is_believed_no_longer_once_the_keys_are_fetched_again() -> None:
    provider = Provider()
    provider.names = ["a"]
    provider.cache.find("a")
    provider.names, provider.now_s = ["b"], UNKNOWN_EVERY_S
    provider.cache.find("b")
    with pytest.raises(Refused, match="does not have"):
        provider.cache.find("a")


def test_a_provider_that_hangs_keeps_one_request_waiting_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infirmary.identity.key_cache.WAITS_S", 0.01)
    asked, answer = threading.Event(), threading.Event()

    def hang() -> Keys:
        asked.set()
        answer.wait(30)
        return keys_in({"keys": [PUBLIC]})

    cache = KeyCache(hang)
    cache.start()
    assert asked.wait(30)
    with pytest.raises(KeysMissing):
        cache.find("of-today")  # and does not wait for the answer
    answer.set()
    cache.close()
    eventually(lambda: _is_found(cache), because="the provider has answered")


def _is_found(cache: KeyCache) -> bool:
    try:
        return cache.find("of-today").kid == "of-today"
    except KeysMissing:
        return False
