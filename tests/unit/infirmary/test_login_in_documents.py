"""What /docs is told of the provider, and what it is not told of one that cannot be trusted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.http.docs_login import DocsLogin, with_login
from infirmary.identity.discovery import LoginPlace, login_place

ISSUER = "https://identity.example"
PLACE = LoginPlace("https://identity.example/auth", "https://identity.example:8443/token")
scopes = st.lists(st.sampled_from(["wards:read", "wards:write", "patients:read"]), min_size=1, unique=True)


def document(asked: dict[str, list[str]]) -> dict[str, Any]:
    """Returns a document with an operation for each path, which asks for one of some scopes."""
    return {
        "components": {"securitySchemes": {"token": {"type": "http"}}, "schemas": {}},
        "paths": {
            path: {"get": {"summary": f"Get {path}.", "security": [{"token": [scope]} for scope in of_path]}}
            for path, of_path in asked.items()
        },
    }


@given(st.dictionaries(st.sampled_from(["/a", "/b", "/c"]), scopes, min_size=1))
def test_each_operation_takes_either_token_for_the_same_scopes(asked: dict[str, list[str]]) -> None:
    given_document = document(asked)
    made = with_login(given_document, PLACE)
    for path, of_path in asked.items():
        security = made["paths"][path]["get"]["security"]
        for scheme in ("token", "login"):
            assert [each[scheme] for each in security if scheme in each] == [[scope] for scope in of_path]
    flow = made["components"]["securitySchemes"]["login"]["flows"]["authorizationCode"]
    assert set(flow["scopes"]) == {scope for of_path in asked.values() for scope in of_path}
    assert given_document == document(asked), "without a provider it is told as it was"


def test_the_scopes_say_what_they_are_for() -> None:
    made = with_login(document({"/a": ["wards:read"], "/b": ["wards:read"]}), PLACE)
    flow = made["components"]["securitySchemes"]["login"]["flows"]["authorizationCode"]
    assert flow["scopes"] == {"wards:read": "Get /a; Get /b"}


def test_the_pages_speak_to_where_tokens_are_given_and_to_nobody_while_that_is_not_known() -> None:
    assert DocsLogin("docs", lambda: PLACE).speaks_to() == "https://identity.example:8443"
    assert DocsLogin("docs", lambda: None).speaks_to() == ""


def told(**changed: object) -> dict[str, object]:
    return {"authorization_endpoint": PLACE.authorize_url, "token_endpoint": PLACE.token_url, **changed}


def test_a_provider_says_where_one_logs_in() -> None:
    assert login_place(told(), ISSUER) == PLACE
    assert login_place(told(token_endpoint="http://localhost:1/t"), "http://localhost:1") is not None


@pytest.mark.parametrize(
    "configuration",
    [
        None,
        {},
        told(token_endpoint=None),
        told(token_endpoint="http://identity.example/token"),
        told(authorization_endpoint="javascript:alert(1)"),
        told(token_endpoint="https://a; script-src */token"),
        told(token_endpoint="https://a\r\nX: y/token"),
        told(token_endpoint=["https://identity.example/token"]),
    ],
)
def test_what_is_no_such_place_is_none(configuration: object) -> None:
    assert login_place(configuration, ISSUER) is None
