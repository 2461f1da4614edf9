"""A fuzzer made from each service's own /openapi.json finds no 500 and nothing that the description does not say."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from infirmary.processes import make_app
from infirmary.settings import Settings
from local.topology import SERVICES, Engine
from tests.integration.conftest import NewDatabase

EXAMPLES_PER_OPERATION = 15
LEFT_OUT = (positive_data_acceptance,)
"""Every check but this one: a description cannot say that a patient is not known here yet, that a cursor is of another
list, or that a day is in the future, for each of which the answer is 422."""


# hypothesis compares the state of `random` before and after; the pool's threads use it meanwhile, for their pauses.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_no_input_makes_a_service_fail(service: Any, new_database: NewDatabase, mongodb: Callable[[str], str]) -> None:
    chosen = (
        Settings(database_url=mongodb("notifications"))
        if service.engine is Engine.MONGODB
        else new_database(service.name)
    )
    app = make_app(service.name, chosen)
    ask_nobody_for_tokens(app)
    for operation in schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations():
        assert isinstance(operation, Ok), operation
        fuzz(operation.ok())
    app.extensions["storage"].close()


def ask_nobody_for_tokens(app: Any) -> None:
    """Has the description say so, too: no provider is named here. test_identity.py asks for tokens."""
    for operations in app.api_doc["paths"].values():
        for operation in operations.values():
            del operation["security"]


def fuzz(operation: Any) -> None:
    """Tries one operation with good and bad input."""

    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def attempt(case: Any) -> None:
        case.call_and_validate(excluded_checks=LEFT_OUT)

    attempt()
