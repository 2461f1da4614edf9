"""Each service's OpenAPI document is one by its specification, and says what a reader of it wants to know."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from local.topology import SERVICES
from scripts.openapi_documents import document_of

NAMES = [service.name for service in SERVICES]


@pytest.fixture(scope="module", params=NAMES)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The document of one service."""
    return document_of(request.param)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_says_what_it_is_and_where(document: dict[str, Any]) -> None:
    assert document["info"]["description"]
    assert document["servers"] == [{"url": "/", "description": "where this document comes from"}]
    assert all(tag["description"] for tag in document["tags"])


def test_each_operation_is_told_apart_and_described(document: dict[str, Any]) -> None:
    defined = {tag["name"] for tag in document["tags"]}
    found = list(operations(document))
    assert len({operation["operationId"] for _, operation in found}) == len(found) > 0
    for name, operation in found:
        assert operation["summary"], name
        assert operation["tags"], name
        assert set(operation["tags"]) <= defined, name


def test_each_parameter_and_each_body_is_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{name}: {parameter['name']}"
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            assert schemas[reference.rpartition("/")[2]]["description"], name


def test_whatever_has_to_be_said_is_filled_in_with_something_that_is_taken(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["required"]:
                check(parameter["example"], parameter["schema"])
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            for field, schema in schemas[reference.rpartition("/")[2]]["properties"].items():
                assert schema.get("examples"), f"{name}: {field}"
                check(schema["examples"][0], schema)


def check(example: object, schema: dict[str, Any]) -> None:
    """Makes sure that an example is good by its own schema."""
    assert [error.message for error in OAS31Validator(schema).iter_errors(example)] == []


def test_each_answer_is_described_with_its_headers(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert "200" in operation["responses"] or "201" in operation["responses"] or "202" in operation["responses"]
        for status, answer in operation["responses"].items():
            assert answer["description"], f"{name}: {status}"
            assert answer["headers"]["X-Correlation-ID"]["description"]
            assert ("Retry-After" in answer["headers"]) is (status in ("429", "503")), f"{name}: {status}"
            assert ("WWW-Authenticate" in answer["headers"]) is (status in ("401", "403")), f"{name}: {status}"
            good = "application/fhir+json" if "/audit-events" in name else "application/json"
            kind = good if status.startswith("2") else "application/problem+json"
            assert list(answer["content"]) == [kind], f"{name}: {status}"


@pytest.mark.parametrize(
    ("service", "operation", "status"),
    [
        ("patient", "POST /patients", "201"),
        ("admission", "POST /admissions", "202"),
        ("patient", "DELETE /patients/{patient_id}", "202"),
    ],
)
def test_an_answer_that_names_a_place_says_so(service: str, operation: str, status: str) -> None:
    answers = dict(operations(document_of(service)))[operation]["responses"]
    assert [each for each, answer in answers.items() if "Location" in answer["headers"]] == [status]
