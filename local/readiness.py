"""Waits until processes answer on /readyz."""

import http.client
import time
from collections.abc import Callable, Mapping

from local.errors import LocalError
from local.ports import LOOPBACK

LOOK_EVERY_S = 0.1


def is_ready(port: int) -> bool:
    """Tells whether GET /readyz on the port answers 200 now."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_ready(
    ports: Mapping[str, int], deadline_s: float, on_progress: Callable[[int, int], None] = lambda _ready, _all: None
) -> None:
    """Waits until every port answers.

    Args:
        ports: By the name of the process.
        deadline_s: For all of them together.
        on_progress: Gets how many are ready of how many, whenever that has changed.

    Raises:
        LocalError: some do not in time; the message names them.
    """
    waiting = dict(ports)
    give_up_at = time.monotonic() + deadline_s
    while waiting:
        still = {name: port for name, port in waiting.items() if not is_ready(port)}
        if len(still) < len(waiting):
            on_progress(len(ports) - len(still), len(ports))
        elif time.monotonic() > give_up_at:
            raise LocalError(f"not ready after {deadline_s:.0f} s: {', '.join(still)}")
        waiting = still
        time.sleep(LOOK_EVERY_S if waiting else 0)
