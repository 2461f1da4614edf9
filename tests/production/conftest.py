"""Production's servers, run by their operators in a cluster; unless that is asked for, they are skipped."""

import os
from collections.abc import Iterator

import pytest

from tests.production import deployment
from tests.production.installation import installed
from tests.production.modules import KEDA, PROMETHEUS
from tests.production.operators import OPERATORS, bring
from tests.production.schemas import schemas_of

ASKED_FOR = "INFIRMARY_PRODUCTION"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs the cluster unless it was asked for: it installs operators there."""
    for item in items:
        if "deployed" in getattr(item, "fixturenames", ()) and ASKED_FOR not in os.environ:
            item.add_marker(pytest.mark.skip(reason="make production-test runs it"))


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The namespace in which everything of production has been applied, as docs/growing.md says."""
    for operator in OPERATORS.values():
        bring(operator)
    with (
        schemas_of(KEDA, PROMETHEUS),
        deployment.namespace(),
        installed(deployment.NAMESPACE, tmp_path_factory.mktemp("operators")),
        deployment.servers(),
    ):
        yield deployment.NAMESPACE
