"""Clients that post as fast as they are answered, over connections that stay open."""

import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answered:
    """What the clients saw."""

    requests_per_s: float
    delays_ms: list[float]


def post_for(url: str, body: dict[str, Any], clients: int, for_s: float) -> Answered:
    """Posts the same body again and again by so many clients at once.

    Raises:
        RuntimeError: an answer was anything but 201 or 202.
    """
    parts, encoded = urlsplit(url), json.dumps(body).encode()
    delays_ms: list[float] = []
    failures: list[str] = []
    end_at = time.perf_counter() + for_s

    def work() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        while time.perf_counter() < end_at and not failures:
            started_at = time.perf_counter()
            connection.request("POST", parts.path, encoded, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in (201, 202):
                failures.append(f"{answer.status}: {text[:200]!r}")
            delays_ms.append((time.perf_counter() - started_at) * 1000)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])
    return Answered(len(delays_ms) / for_s, delays_ms)
