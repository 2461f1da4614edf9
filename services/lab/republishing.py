"""How lab tells its results again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from infirmary.messages import Event
from infirmary.postgres.republishing import Rows
from infirmary.postgres.statements import fields_of
from infirmary.republishing.declaration import Republishing
from services.lab.messages import LabResultRecorded
from services.lab.tables import lab_results

republishing = Republishing("lab")


@dataclass(frozen=True, slots=True)
class Result:
    """A result as it was recorded."""

    lab_result_id: UUID
    patient_id: UUID
    test: str
    value: str
    unit: str
    critical: bool
    at: datetime


@republishing.of("results", Rows(Result, sa.select(*fields_of(Result, lab_results)), lab_results.c.lab_result_id))
def tell_result(result: Result) -> Iterator[Event]:
    """Tells a result as it was told when it was recorded."""
    yield LabResultRecorded(
        lab_result_id=result.lab_result_id,
        patient_id=result.patient_id,
        test=result.test,
        value=result.value,
        unit=result.unit,
        critical=result.critical,
        at=result.at,
    )
