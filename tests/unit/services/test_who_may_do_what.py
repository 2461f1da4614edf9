"""Every endpoint of the hospital says who may call it, asks before anything else, and some role may."""

from importlib import import_module
from typing import Any, Final
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from infirmary.http.app import create_app
from infirmary.identity.caller import Caller
from infirmary.identity.refusal import KeysMissing, no_token
from local.issuer.roles import EVERYTHING, roles_of
from local.topology import SERVICES

ROLES = roles_of()
OVER_ALL_PATIENTS: Final = {"/prescriptions", "/lab-results", "/notifications", "/admissions"}


class Untouched:
    """A database that nobody may ask anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the database was asked: {name}")

    def is_transient(self, _error: BaseException) -> bool:
        return False


def application(service: str, who_asks: Any = None) -> Any:
    return create_app(import_module(f"services.{service}.api").api, Untouched(), who_asks=who_asks)


OPERATIONS: Final = [
    (service.name, method, path, operation)
    for service in SERVICES
    for path, operations in application(service.name).api_doc["paths"].items()
    for method, operation in operations.items()
]
"""Of all services, as /openapi.json tells them while nobody is asked who he is."""


def scopes(operation: Any) -> list[str]:
    """Returns the scopes of an operation, any of which may do."""
    return [scope for each in operation["security"] for scope in each["token"]]


def client(service: str, *allowed: str) -> FlaskClient:
    return application(service, lambda _header: Caller("ada", frozenset(allowed))).test_client()  # type: ignore[no-any-return]


each_operation = pytest.mark.parametrize(
    ("service", "method", "path", "operation"),
    OPERATIONS,
    ids=[f"{method} {path}" for _, method, path, _ in OPERATIONS],
)


def test_there_are_operations_of_all_services() -> None:
    assert {service for service, *_ in OPERATIONS} == {service.name for service in SERVICES}


@each_operation
def test_an_operation_is_documented_with_its_scope_and_its_refusals(
    service: str, method: str, path: str, operation: Any
) -> None:
    assert scopes(operation)
    assert {"401", "403"} <= set(operation["responses"])


@each_operation
def test_an_operation_asks_who_it_is_before_anything_else(service: str, method: str, path: str, operation: Any) -> None:
    def nobody(_header: str | None) -> Caller:
        raise no_token()

    asked = application(service, nobody).test_client().open(_some(path), method=method)
    assert (asked.status_code, asked.headers["WWW-Authenticate"]) == (401, 'Bearer realm="infirmary"')


@each_operation
def test_an_operation_refuses_who_may_do_everything_else(service: str, method: str, path: str, operation: Any) -> None:
    others = set(ROLES[EVERYTHING]) - set(scopes(operation))
    answer = client(service, *others).open(_some(path), method=method, data="no JSON")
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"].endswith(f'scope="{scopes(operation)[-1]}"')


@each_operation
def test_an_operation_lets_in_who_may_do_it_and_nothing_else(
    service: str, method: str, path: str, operation: Any
) -> None:
    answer = client(service, scopes(operation)[-1]).open(_some(path), method=method, data="no JSON")
    assert answer.status_code not in (401, 403)


def test_a_list_over_all_patients_takes_a_scope_of_its_own() -> None:
    found = {
        path: (service, scopes(operation)) for service, _, path, operation in OPERATIONS if len(scopes(operation)) > 1
    }
    assert set(found) == OVER_ALL_PATIENTS
    for path, (service, (of_one, of_all)) in found.items():
        assert of_all == f"{of_one}-all"
        one = client(service, of_one)
        assert one.get(path).status_code == 403
        assert one.get(f"{path}?patient_id=").status_code == 403
        assert one.get(f"{path}?patient_id={uuid4()}").status_code == 500  # it has come as far as the database
        assert client(service, of_all).get(path).status_code == 500


def test_while_the_providers_keys_are_missing_it_is_503() -> None:
    def nobody_knows(_header: str | None) -> Caller:
        raise KeysMissing("the provider is away")

    answer = application("ward", nobody_knows).test_client().get("/wards/w1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_the_roles_have_exactly_the_scopes_that_endpoints_ask_for() -> None:
    asked = {scope for *_, operation in OPERATIONS for scope in scopes(operation)}
    assert set(ROLES[EVERYTHING]) == asked


def _some(path: str) -> str:
    return "/".join("some-id" if part.startswith("{") else part for part in path.split("/"))
