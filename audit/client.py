"""Asks the services over HTTP, and asks again while one of them is away."""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

import httpx

from audit.addresses import services_in
from audit.responses import (
    AccountResponse,
    AdmissionResponse,
    ChartLabResult,
    ChartNotification,
    ChartPrescription,
    ChartResponse,
    EntryResponse,
    LabResultResponse,
    MedicationResponse,
    NotificationResponse,
    PatientResponse,
    PrescriptionResponse,
    ReservationResponse,
    Response,
    WardResponse,
)

A = TypeVar("A", bound=Response)

PAGE_ITEMS = 200
PROBLEM_TYPE = "application/problem+json"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0

_NOTES: ContextVar[dict[str, str] | None] = ContextVar("notes", default=None)
_CORRELATION_ID: ContextVar[str | None] = ContextVar("correlation_id", default=None)


class Refusal(RuntimeError):
    """A service has answered that it will not (4xx), or that it failed (5xx other than 503)."""

    def __init__(self, request: str, status: int, detail: str, fields: frozenset[str] = frozenset()) -> None:
        super().__init__(f"{request}: {status}, {detail}")
        self.status, self.detail, self.fields = status, detail, fields


class Unanswered(RuntimeError):
    """A service was away for too long: nobody knows whether it did what it was asked."""


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Gives all requests of a block, and so all messages that follow from them, this correlation id."""
    token = _CORRELATION_ID.set(correlation_id)
    try:
        yield
    finally:
        _CORRELATION_ID.reset(token)


@contextmanager
def noted() -> Iterator[dict[str, str]]:
    """Gives a dictionary into which the responses to all requests of a block are noted, by request."""
    responses: dict[str, str] = {}
    token = _NOTES.set(responses)
    try:
        yield responses
    finally:
        _NOTES.reset(token)


def bearer(env: Mapping[str, str]) -> dict[str, str]:
    """Returns the header that says who asks, if there is a token."""
    token = env.get("HOSPITAL_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def trusted(env: Mapping[str, str]) -> ssl.SSLContext | bool:
    """Returns whom to trust for the APIs' certificates: those of the file `API_CA_FILE`, or whom the system trusts."""
    ca_file = env.get("API_CA_FILE")
    return ssl.create_default_context(cafile=ca_file) if ca_file else True


class Client:
    """A client of the services' APIs that repeats what is safe to repeat. Safe to use from several threads."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        patience_s: float = 60.0,
        correlation_id: str | None = None,
        on_shown: Callable[[str, str], None] = lambda _service, _correlation_id: None,
    ) -> None:
        """Prepares the client.

        Args:
            env: `PATIENT_URL` and so on, `HOSPITAL_TOKEN` where the APIs ask for one, and `API_CA_FILE` where they show
                certificates that the system does not trust.
            patience_s: How long a request is repeated while a service is away (no connection, no answer of its own, or
                503).
            correlation_id: What requests carry that are not surrounded by `correlated`; None for one of the service's.
            on_shown: Is told of each GET that went well: by which service, and under which correlation id.
        """
        self._correlation_id, self._on_shown = correlation_id, on_shown
        self._urls = {name: each.url for name, each in services_in(env).items() if each.url}
        self._patience_s = patience_s
        self._http = httpx.Client(
            headers=bearer(env), timeout=20.0, limits=httpx.Limits(max_connections=64), verify=trusted(env)
        )
        self.repeated = 0

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def knows(self, service: str) -> bool:
        """Says whether it is known where a service's API is."""
        return service in self._urls

    def patient(self, patient_id: UUID) -> PatientResponse:
        """Asks patient for a patient."""
        return self._get("patient", f"/patients/{patient_id}", PatientResponse)

    def medication(self, code: str) -> MedicationResponse:
        """Asks inventory for a medication."""
        return self._get("inventory", f"/medications/{code}", MedicationResponse)

    def prescription(self, prescription_id: UUID) -> PrescriptionResponse:
        """Asks prescription for a prescription."""
        return self._get("prescription", f"/prescriptions/{prescription_id}", PrescriptionResponse)

    def prescriptions(self, patient_id: UUID | None = None) -> list[PrescriptionResponse]:
        """Asks for all prescriptions, or a patient's."""
        return self._list("prescription", "/prescriptions", PrescriptionResponse, patient_id)

    def account(self, patient_id: UUID) -> AccountResponse:
        """Asks billing for a patient's account, with all of its entries."""
        path = f"/accounts/{patient_id}"
        account = self._get("billing", path, AccountResponse)
        return self._whole("billing", path, account, entries=EntryResponse)

    def ward(self, ward_id: str) -> WardResponse:
        """Asks ward for a ward, with all of its reservations."""
        path = f"/wards/{ward_id}"
        return self._whole("ward", path, self._get("ward", path, WardResponse), reservations=ReservationResponse)

    def lab_result(self, lab_result_id: UUID) -> LabResultResponse:
        """Asks lab for a result."""
        return self._get("lab", f"/lab-results/{lab_result_id}", LabResultResponse)

    def lab_results(self, patient_id: UUID | None = None) -> list[LabResultResponse]:
        """Asks for all lab results, or a patient's."""
        return self._list("lab", "/lab-results", LabResultResponse, patient_id)

    def notifications(self, patient_id: UUID | None = None) -> list[NotificationResponse]:
        """Asks for all notifications, or a patient's."""
        return self._list("notification", "/notifications", NotificationResponse, patient_id)

    def admission(self, admission_id: UUID) -> AdmissionResponse:
        """Asks admission how far an admission is."""
        return self._get("admission", f"/admissions/{admission_id}", AdmissionResponse)

    def chart(self, patient_id: UUID) -> ChartResponse:
        """Asks chart for everything about a patient."""
        path = f"/charts/{patient_id}"
        return self._whole(
            "chart",
            path,
            self._get("chart", path, ChartResponse),
            prescriptions=ChartPrescription,
            lab_results=ChartLabResult,
            notifications=ChartNotification,
        )

    def _whole(self, service: str, path: str, document: A, **lists: type[Response]) -> A:
        """Returns a document with its lists whole: it shows the newest of each, and how many there are."""
        whole = {
            name: tuple(self._list(service, f"{path}/{name.replace('_', '-')}", kind))
            for name, kind in lists.items()
            if getattr(document, f"{name}_total") > len(getattr(document, name))
        }
        return document.model_copy(update=whole)

    def _get(self, service: str, path: str, kind: type[A]) -> A:
        response = self.call(service, "GET", path)
        _note(path, response.text)
        return kind.model_validate_json(response.content)

    def _list(self, service: str, path: str, kind: type[A], patient_id: UUID | None = None) -> list[A]:
        query: dict[str, str | int] = {"limit": PAGE_ITEMS}
        if patient_id is not None:
            query["patient_id"] = str(patient_id)
        found: list[A] = []
        while True:
            page = self.call(service, "GET", path, query=query).json()
            found += [kind.model_validate(item) for item in page["items"]]
            _note(path, f"{len(found)} items, the last of them {found[-1] if found else None}")
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """Sends a request until it is answered; so it must be safe to repeat: a GET, a PUT, or a POST with a key.

        Raises:
            Refusal: The service's answer is neither 2xx nor 503.
            Unanswered: The service was away for longer than this client is patient, or nobody has said where it is.
        """
        if service not in self._urls:
            raise Unanswered(f"{method} {path}: {service.upper()}_URL is not set")
        headers = {"Idempotency-Key": key} if key else {}
        correlation_id = _CORRELATION_ID.get() or self._correlation_id
        if correlation_id:
            headers["X-Correlation-ID"] = correlation_id
        give_up_at, pause_s = time.monotonic() + self._patience_s, FIRST_PAUSE_S
        while True:
            try:
                response = self._http.request(
                    method, self._urls[service] + path, params=query, json=body, headers=headers
                )
                trouble = response.text
            except httpx.TransportError as error:
                response, trouble = None, repr(error)
            if response is not None and _is_its_own(response):
                if method == "GET" and response.is_success and "X-Correlation-ID" in response.headers:
                    self._on_shown(service, response.headers["X-Correlation-ID"])
                return _checked(f"{method} {path}", response)
            if time.monotonic() > give_up_at:
                raise Unanswered(f"{method} {path}: {service} was away for {self._patience_s:.0f} s: {trouble}")
            self.repeated += 1
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _note(path: str, answer: str) -> None:
    notes = _NOTES.get()
    if notes is not None:
        notes[f"GET {path}"] = answer


def _is_its_own(response: httpx.Response) -> bool:
    """Says whether a service has answered, and not that it is away.

    Whatever stands before a service answers for it while it has no pod: an ingress, or a network's gateway.
    """
    of_a_service = response.is_success or response.headers.get("Content-Type") == PROBLEM_TYPE
    return of_a_service and response.status_code != httpx.codes.SERVICE_UNAVAILABLE


def _checked(request: str, response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
        detail, fields = problem["detail"], frozenset(error["field"] for error in problem.get("errors", ()))
    except (ValueError, KeyError, TypeError):
        detail, fields = response.text, frozenset()
    raise Refusal(request, response.status_code, detail, fields)
