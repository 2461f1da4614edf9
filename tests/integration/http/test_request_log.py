"""A request is found in the log by its correlation id, and what is no request is not there."""

import json
import re
from pathlib import Path
from typing import Any

import httpx

from infirmary.settings import Settings
from tests.integration.http.served import served

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def lines(folder: Path) -> list[dict[str, Any]]:
    """Returns the log, of which each line is JSON."""
    return [json.loads(line) for line in (folder / "api.log").read_text().splitlines() if line.startswith("{")]


def test_each_request_has_one_line_and_probes_have_none(patients: Settings, tmp_path: Path) -> None:
    headers = {"X-Correlation-ID": 'the "story" so far'.replace(" ", "-"), "traceparent": f"00-{TRACE}-{'1' * 16}-01"}
    with served("patient", patients, tmp_path) as api:
        assert httpx.post(f"{api.url}/patients", json=ADA, headers=headers).status_code == 201
        found = [line for line in lines(tmp_path) if line["correlation_id"] == headers["X-Correlation-ID"]]
        assert len(found) == 1, "it is there when the client has its answer"
        (line,) = found
        assert (line["method"], line["route"], line["status"]) == ("POST", "/patients", 201)
        assert (line["trace_id"], 0 < line["ms"] < 5000) == (TRACE, True)
        assert (line["level"], line["service"], line["role"]) == ("INFO", "patient", "api")
        new = httpx.request("ODD'", f"{api.url}/patients/secret?name=Ada").headers["X-Correlation-ID"]
        told = [line for line in lines(tmp_path) if line["correlation_id"] == new]
        assert [(line["method"], line["route"], line["status"]) for line in told] == [("ODD'", "other", 405)]
        for path in ("/healthz", "/readyz"):
            httpx.get(f"{api.url}{path}")
    about = [line for line in lines(tmp_path) if line["logger"].endswith("http.requests")]
    assert [line["route"] for line in about] == ["/patients", "other"]
    assert "secret" not in (tmp_path / "api.log").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", line["time"]), "as logging writes it"


def test_a_quiet_api_says_nothing_of_requests(patients: Settings, tmp_path: Path) -> None:
    with served("patient", patients, tmp_path, LOG_LEVEL="WARNING") as api:
        assert httpx.post(f"{api.url}/patients", json=ADA).status_code == 201
    assert not (tmp_path / "api.log").read_text().count("http.requests")
