"""People who ask all services at once and never ask again: every request that fails is on record."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from audit.client import trusted
from local.topology import SERVICES

PAUSE_S = 0.02
LEFT_BEHIND_EVERY = 5
"""What is made for good is asked for again by every later audit, so it is made in one round of five."""
TIMEOUT_S = 10.0


class Load:
    """A steady load of reads and writes on all APIs, half of it over connections that are kept, half over new ones.

    Attributes:
        failures: What went wrong: a lost or refused connection, or an answer of 500 and above.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        """Prepares the load.

        Args:
            env: `PATIENT_URL` and so on, and `API_CA_FILE` where they speak TLS.
        """
        self._env = env
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(keeps_connections,), name="load", daemon=True)
            for keeps_connections in (True, False)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)

    def _run(self, keeps_connections: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=20 if keeps_connections else 0)
        with httpx.Client(limits=limits, timeout=TIMEOUT_S, trust_env=False, verify=trusted(self._env)) as client:
            for service, method, path, body in self._requests():
                if self._stopping.wait(PAUSE_S):
                    return
                self._ask(client, service, method, path, body)

    def _ask(self, client: httpx.Client, service: str, method: str, path: str, body: dict[str, Any] | None) -> None:
        request = f"{method} {service}{path}"
        began_at = time.monotonic()
        try:
            answer = client.request(method, self._env[f"{service.upper()}_URL"] + path, json=body)
        except httpx.HTTPError as error:
            self._note(service, f"{request}: {error!r} after {time.monotonic() - began_at:.1f} s")
            return
        self._note(service, f"{request}: {answer.status_code} {answer.text}" if answer.status_code >= 500 else None)

    def _note(self, service: str, failure: str | None) -> None:
        with self._lock:
            self.answered[service] += failure is None
            if failure is not None:
                self.failures.append(failure)

    def _requests(self) -> Iterator[tuple[str, str, str, dict[str, Any] | None]]:
        """Yields a write for those who take one without anything else existing, and a read for everybody."""
        for number in itertools.count():
            if number % LEFT_BEHIND_EVERY == 0:
                yield "patient", "POST", "/patients", {"full_name": f"Load {number}", "date_of_birth": "1980-01-01"}
                yield "admission", "POST", "/admissions", {"patient_id": str(uuid4()), "ward_id": f"load-{number % 10}"}
            else:
                yield "patient", "GET", f"/patients/{uuid4()}", None
                yield "admission", "GET", f"/admissions/{uuid4()}", None
            yield "inventory", "PUT", f"/medications/load-{number % 10}", {"name": "Load", "unit_price": "1.00"}
            yield "ward", "PUT", f"/wards/load-{number % 10}", {"name": "Load", "beds": 3}
            yield "prescription", "GET", f"/prescriptions?patient_id={uuid4()}", None
            yield "billing", "GET", f"/accounts/{uuid4()}", None
            yield "lab", "GET", f"/lab-results?patient_id={uuid4()}", None
            yield "notification", "GET", f"/notifications?patient_id={uuid4()}", None
            yield "chart", "GET", f"/charts/{uuid4()}", None
            yield "audit", "GET", f"/audit-events?patient_id={uuid4()}", None


ASKED = frozenset(service.name for service in SERVICES)
