"""Records of access for tests."""

from datetime import UTC, datetime
from uuid import UUID

from infirmary.access.records import Access
from infirmary.identifiers import new_id


def access(person: UUID | None = None, **others: object) -> Access:
    """Returns what is on record of one request: a doctor has read something, unless it is said otherwise."""
    said = {
        "access_id": new_id(),
        "at": datetime.now(UTC),
        "caller": "dr-who",
        "identified": True,
        "roles": ["doctor"],
        "method": "GET",
        "route": "/charts/<patient_id>",
        "scope": "charts:read",
        "person": person,
        "several": False,
        "address": "192.0.2.7",
        "status": 200,
        "correlation_id": "018f4d1e-7d3a-7000-8000-000000000000",
    }
    return Access.model_validate({**said, **others})
