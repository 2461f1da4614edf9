"""What is told of the pool is how it is used: who has a connection, who waits for one, and who got none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from infirmary.observing.pool_state import PoolState
from infirmary.processes import make_app
from infirmary.settings import Settings
from tests.chaos.proxy import Proxy
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

PATHS = {"patient": f"/patients/{'0' * 8}-0000-4000-8000-{'0' * 12}", "notification": "/notifications"}


@pytest.mark.parametrize("service", PATHS)
def test_a_pool_that_runs_dry_is_seen(service: str, new_database: NewDatabase, mongodb: Callable[[str], str]) -> None:
    url = new_database(service).database_url if service == "patient" else mongodb("notifications")
    with Proxy(urlsplit(url).port or 0) as proxy, ThreadPoolExecutor(4) as many:
        app = make_app(service, Settings(database_url=proxy.url(url), database_connections=1, database_wait_s=0.5))

        def state() -> PoolState:
            found: PoolState = app.extensions["storage"].pool()
            return found

        def ask(_: int = 0) -> int:
            return app.test_client().get(PATHS[service]).status_code

        assert ask() in (200, 404)
        assert (state().in_use, state().idle, state().waiting, state().timeouts) == (0, 1, 0, 0)
        proxy.hold()
        asked = many.map(ask, range(4))
        eventually(lambda: state().in_use == 1 and state().waiting >= 1, because="one asks, and others wait")
        assert set(asked) == {503}
        # MongoDB's driver may end those who wait together with the one that they wait for, and then ask again.
        eventually(
            lambda: state().timeouts >= 1 or set(many.map(ask, range(4))) != {503}, because="somebody waits in vain"
        )
        assert state().timeouts >= 1
        assert state().waited_s > 0.1
        proxy.restore()
        eventually(lambda: ask() in (200, 404), because="the database answers again")
        eventually(lambda: (state().in_use, state().waiting) == (0, 0), because="nobody needs one")
        app.extensions["storage"].close()
