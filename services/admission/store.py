"""The statements of admission. It has no table of its own: an admission is its saga, archived or not."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from infirmary.postgres.sagas.view import SagaView
from infirmary.postgres.statements import compiled, fields_of
from infirmary.postgres.transaction import Query
from services.admission.tables import admissions, archived


def _some_of(table: sa.Table) -> sa.Select[Any]:
    patient = table.c.data["patient_id"].astext.label("patient")
    return sa.select(*fields_of(SagaView, table), patient).where(table.c.name == "admission")


_ALL = sa.union_all(_some_of(admissions), _some_of(archived)).subquery("admissions")
_PAGE = (
    sa.select(*fields_of(SagaView, _ALL))
    .where(_ALL.c.saga_id > sa.bindparam("after"))
    .order_by(_ALL.c.saga_id)
    .limit(sa.bindparam("at_most"))
)
_OF_ALL = compiled(_PAGE)
_OF_PATIENT = compiled(_PAGE.where(_ALL.c.patient == sa.bindparam("patient_id")))


def of_patient(db: Query, patient_id: UUID | None, after: UUID, at_most: int) -> list[SagaView]:
    """Returns admissions in the order of their ids, which is that of their beginning.

    Args:
        db: The database.
        patient_id: Whose; None for everybody's.
        after: The id behind which to start.
        at_most: How many.
    """
    if patient_id is None:
        return db.many(SagaView, _OF_ALL, after=after, at_most=at_most)
    return db.many(SagaView, _OF_PATIENT, patient_id=str(patient_id), after=after, at_most=at_most)
