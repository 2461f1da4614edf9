"""The local provider logs in pages of this machine alone, and a code is its page's own."""

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.issuer.codes import GOOD_FOR_S, Asked, Codes, Unacceptable, asked_in

NOW_S = 1000.0
BACK = "http://127.0.0.1:8101/docs/oauth2-redirect.html"
verifiers = st.text("abcXYZ019-._~", min_size=43, max_size=64)


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def query(**changed: str) -> dict[str, str]:
    good = {
        "client_id": "docs",
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "s",
        "code_challenge": challenge_of("v" * 43),
        "code_challenge_method": "S256",
    }
    return {**good, **changed}


def form(code: str, verifier: str, **changed: str) -> dict[str, str]:
    good = {"grant_type": "authorization_code", "client_id": "docs", "redirect_uri": BACK}
    return {**good, "code": code, "code_verifier": verifier, **changed}


@pytest.mark.parametrize("host", ["localhost:8101", "127.0.0.1:12345", "[::1]:80"])
def test_a_page_of_this_machine_may_ask(host: str) -> None:
    uri = f"http://{host}/docs/oauth2-redirect.html"
    assert asked_in(query(redirect_uri=uri)) == Asked(uri, "s", challenge_of("v" * 43))


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://evil.example/docs/oauth2-redirect.html"},
        {"redirect_uri": "http://localhost.evil.example:80/docs/oauth2-redirect.html"},
        {"redirect_uri": "http://127.0.0.1:80@evil.example/docs/oauth2-redirect.html"},
        {"redirect_uri": "http://127.0.0.1:8101/elsewhere"},
        {"redirect_uri": BACK + "\r\nSet-Cookie: a=b"},
        {"redirect_uri": "https://127.0.0.1:8101/docs/oauth2-redirect.html?x=y"},
        {"client_id": "another"},
        {"response_type": "token"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"state": "a\nb"},
    ],
)
def test_nobody_else_may_and_not_without_a_proof_to_come(changed: dict[str, str]) -> None:
    with pytest.raises(Unacceptable):
        asked_in(query(**changed))


@given(verifiers, st.sampled_from(["doctor", "machine"]), st.integers(0, int(GOOD_FOR_S) - 1))
def test_a_code_gives_its_role_once(verifier: str, role: str, after_s: int) -> None:
    codes = Codes()
    code = codes.give(Asked(BACK, "", challenge_of(verifier)), role, NOW_S)
    assert codes.take(form(code, verifier), NOW_S + after_s) == role
    with pytest.raises(Unacceptable, match="invalid_grant"):
        codes.take(form(code, verifier), NOW_S + after_s)


@pytest.mark.parametrize(
    ("changed", "after_s"),
    [
        ({"code_verifier": "w" * 43}, 0.0),
        ({"redirect_uri": BACK.replace("8101", "8102")}, 0.0),
        ({"client_id": "another"}, 0.0),
        ({}, GOOD_FOR_S),
    ],
)
def test_whoever_takes_a_code_that_is_not_theirs_makes_it_worthless(changed: Any, after_s: float) -> None:
    codes = Codes()
    code = codes.give(Asked(BACK, "", challenge_of("v" * 43)), "doctor", NOW_S)
    for stolen in (form(code, "v" * 43, **changed), form(code, "v" * 43)):
        with pytest.raises(Unacceptable, match="invalid_grant"):
            codes.take(stolen, NOW_S + after_s)


def test_codes_that_nobody_takes_are_forgotten() -> None:
    codes = Codes()
    for each in range(1000):
        codes.give(Asked(BACK, "", challenge_of("v" * 43)), "doctor", NOW_S + each)
    assert len(codes) <= GOOD_FOR_S
