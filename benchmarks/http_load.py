"""Clients that ask as fast as they are answered, over connections that stay open."""

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
    return _ask_for("POST", url, json.dumps(body).encode(), clients, for_s, (201, 202))


def get_for(url: str, clients: int, for_s: float) -> Answered:
    """Gets the same thing again and again by so many clients at once.

    Raises:
        RuntimeError: an answer was anything but 200.
    """
    return _ask_for("GET", url, None, clients, for_s, (200,))


def _ask_for(method: str, url: str, body: bytes | None, clients: int, for_s: float, good: tuple[int, ...]) -> Answered:
    parts, headers = urlsplit(url), {} if body is None else {"Content-Type": "application/json"}
    delays_ms: list[float] = []
    failures: list[str] = []
    end_at = time.perf_counter() + for_s

    def work() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        while time.perf_counter() < end_at and not failures:
            started_at = time.perf_counter()
            connection.request(method, parts.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in good:
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
