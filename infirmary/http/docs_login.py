"""Lets the pages of /docs log somebody in at the provider, and ask with the token that they get there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from infirmary.http.entering import SCHEME
from infirmary.identity.discovery import LoginPlace

LOGIN: Final = "login"
"""The way to a token, as the OpenAPI document calls it; `token` is the one for whoever has a token already."""


@dataclass(frozen=True, slots=True)
class DocsLogin:
    """How the pages log in."""

    client: str
    """What the provider calls them: a client without a secret, each of whose logins has one of its own (PKCE)."""

    place: Callable[[], LoginPlace | None]
    """Where, as far as it is known."""

    def page_settings(self) -> dict[str, object]:
        """Returns what Swagger's page has to be told."""
        return {"clientId": self.client, "usePkceWithAuthorizationCodeGrant": True}

    def speaks_to(self) -> str:
        """Returns the one server besides this one that the pages ask, for the token; nothing while it is not known."""
        place = self.place()
        if place is None:
            return ""
        at = urlsplit(place.token_url)
        return f"{at.scheme}://{at.netloc}"


def with_login(document: dict[str, Any], place: LoginPlace) -> dict[str, Any]:
    """Returns an OpenAPI document whose operations take a token that one logs in for, too.

    Args:
        document: It stays as it is.
        place: Where one logs in.
    """
    flow = {"authorizationUrl": place.authorize_url, "tokenUrl": place.token_url, "scopes": _scopes(document)}
    scheme = {"type": "oauth2", "flows": {"authorizationCode": flow}}
    components = document["components"]
    return {
        **document,
        "components": {**components, "securitySchemes": {**components["securitySchemes"], LOGIN: scheme}},
        "paths": {
            path: {method: {**operation, "security": _both_ways(operation)} for method, operation in operations.items()}
            for path, operations in document["paths"].items()
        },
    }


def _both_ways(operation: dict[str, Any]) -> list[dict[str, list[str]]]:
    security = operation["security"]
    return [*security, *({LOGIN: each[SCHEME]} for each in security)]


def _scopes(document: dict[str, Any]) -> dict[str, str]:
    """Returns what each scope lets people do: the summaries of the operations that ask for it."""
    found: dict[str, list[str]] = {}
    for operation in _operations(document):
        for scope in (scope for each in operation["security"] for scope in each[SCHEME]):
            found.setdefault(scope, []).append(operation["summary"].removesuffix("."))
    return {scope: "; ".join(summaries) for scope, summaries in sorted(found.items())}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        yield from operations.values()
