"""A fuzzer made from each service's own /openapi.json finds nothing by any of its checks, with and without a token."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from infirmary.processes import make_app
from infirmary.settings import Settings
from local.rundir import REPOSITORY
from local.topology import SERVICES, Engine
from tests.integration.conftest import NewDatabase
from tests.integration.http.issuer import Issuer

EXAMPLES_PER_OPERATION = 15
CONFIG = schemathesis.Config.from_path(REPOSITORY / "schemathesis.toml")


# hypothesis compares the state of `random` before and after; the pool's threads use it meanwhile, for their pauses.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_no_input_makes_a_service_fail(
    service: Any, new_database: NewDatabase, mongodb: Callable[[str], str], issuer: Issuer
) -> None:
    chosen = (
        Settings(database_url=mongodb("notifications"))
        if service.engine is Engine.MONGODB
        else new_database(service.name)
    )
    app = make_app(service.name, chosen.model_copy(update={"oidc_issuer": issuer.url}))
    for operation in schemathesis.openapi.from_wsgi("/openapi.json", app, config=CONFIG).get_all_operations():
        assert isinstance(operation, Ok), operation
        fuzz(operation.ok(), {"Authorization": f"Bearer {issuer.tokens['HOSPITAL_TOKEN']}"})
    app.extensions["storage"].close()


def fuzz(operation: Any, headers: Mapping[str, str]) -> None:
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
        case.call_and_validate(headers=headers)

    attempt()
