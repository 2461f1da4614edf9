"""Where a token is looked for, and what is answered when it is not there."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.identity.bearer import token_in
from infirmary.identity.refusal import Refused, insufficient_scope, invalid_token, no_token


@pytest.mark.parametrize("header", ["Bearer abc.def.ghi", "bearer abc.def.ghi", " BEARER   abc.def.ghi "])
def test_the_token_stands_behind_the_word_bearer(header: str) -> None:
    assert token_in(header) == "abc.def.ghi"


@pytest.mark.parametrize("header", [None, "", " ", "Basic YTpi", "abc.def.ghi", "Bearerabc", "Token abc", "DPoP abc"])
def test_who_brings_no_token_is_told_only_which_kind_is_wanted(header: str | None) -> None:
    with pytest.raises(Refused) as refused:
        token_in(header)
    assert refused.value.status == 401
    assert refused.value.challenge == 'Bearer realm="infirmary"'


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,Bearer b", "Bearer a, b", 'Bearer "a"', "Bearer \u00e4"]
)
def test_a_header_that_holds_no_token_or_two_is_refused(header: str) -> None:
    with pytest.raises(Refused) as refused:
        token_in(header)
    assert (refused.value.status, refused.value.error) == (401, "invalid_token")


@given(st.text())
def test_any_header_is_read_or_refused(header: str) -> None:
    with suppress(Refused):
        assert token_in(header) in header


def test_a_challenge_says_what_is_wrong_and_what_would_be_enough() -> None:
    assert invalid_token("it has expired").challenge == (
        'Bearer realm="infirmary", error="invalid_token", error_description="it has expired"'
    )
    assert insufficient_scope("patients:read").status == 403
    assert insufficient_scope("patients:read").challenge == (
        'Bearer realm="infirmary", error="insufficient_scope", error_description="the access token lacks the scope'
        ' patients:read", scope="patients:read"'
    )
    assert no_token().error is None
