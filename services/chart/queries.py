"""The statements that read charts from the projection; those that write it are in `store.py`."""

from typing import Any, LiteralString
from uuid import UUID

import sqlalchemy as sa

from infirmary.postgres.statements import compiled, fields_of, is_given, json_rows
from infirmary.postgres.transaction import Query
from services.chart.model import (
    Chart,
    ChartAdmission,
    ChartLabResult,
    ChartNotification,
    ChartPatient,
    ChartPrescription,
)
from services.chart.tables import (
    accounts,
    admissions,
    beds,
    lab_results,
    notifications,
    patients,
    prescriptions,
    stock,
)


def _json(columns: list[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """Returns columns as one JSON object."""
    return sa.func.jsonb_build_object(*(each for column in columns for each in (column.key, _unnamed(column))))


def _unnamed(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column.element if isinstance(column, sa.Label) else column


def _newest(query: sa.Select[Any], key: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Returns a list of a patient's newest rows, the oldest of them first."""
    rows = query.where(key.table.c.patient_id == patients.c.patient_id).order_by(key.desc())
    return json_rows(rows.limit(sa.bindparam("newest")).correlate(patients), order_by=key.key)


def _counted(table: sa.Table, name: str) -> sa.FromClause:
    """Returns how many rows a patient has in a table, and when the last of them was heard of."""
    counted = sa.select(sa.func.count().label("total"), sa.func.max(table.c.heard_at).label("heard_at"))
    return counted.where(table.c.patient_id == patients.c.patient_id).lateral(name)


def _heard_at(table: sa.Table) -> sa.ColumnElement[Any]:
    """Returns when the last of a patient's rows in a table was heard of."""
    newest = sa.select(sa.func.max(table.c.heard_at)).where(table.c.patient_id == patients.c.patient_id)
    return newest.correlate(patients).scalar_subquery()


def _page(query: sa.Select[Any], key: sa.Column[Any]) -> LiteralString:
    """Returns the statement for a patient's next rows."""
    wanted = query.where(is_given(key.table.c.patient_id), key > sa.bindparam("after"))
    return compiled(wanted.order_by(key).limit(sa.bindparam("rows")))


_PRESCRIPTIONS = sa.select(*fields_of(ChartPrescription, prescriptions, stock=stock.c.stock)).select_from(
    prescriptions.outerjoin(stock, stock.c.prescription_id == prescriptions.c.prescription_id)
)
_LAB_RESULTS = sa.select(*fields_of(ChartLabResult, lab_results))
_NOTIFICATIONS = sa.select(*fields_of(ChartNotification, notifications))

_IS_ADMITTED = patients.c.admission_id.is_not(None)
_PATIENT = _json(fields_of(ChartPatient, patients, admitted=_IS_ADMITTED))
_ADMISSION = _json(
    fields_of(
        ChartAdmission,
        patients,
        status=sa.func.coalesce(admissions.c.status, "running"),
        bed_reserved=sa.func.coalesce(beds.c.reserved, sa.false()),
        at=patients.c.admitted_at,
    )
)

_PRESCRIBED = _counted(prescriptions, "prescribed")
_EXAMINED = _counted(lab_results, "examined")
_NOTIFIED = _counted(notifications, "notified")

_IS_REGISTERED = sa.and_(is_given(patients.c.patient_id), patients.c.date_of_birth.is_not(None))
_CHART = compiled(
    sa.select(
        *fields_of(
            Chart,
            patients,
            patient=_PATIENT,
            admission=sa.case((_IS_ADMITTED, _ADMISSION)),
            prescriptions=_newest(_PRESCRIPTIONS, prescriptions.c.prescription_id),
            prescriptions_total=_PRESCRIBED.c.total,
            lab_results=_newest(_LAB_RESULTS, lab_results.c.lab_result_id),
            lab_results_total=_EXAMINED.c.total,
            balance=sa.func.coalesce(accounts.c.balance, 0),
            notifications=_newest(_NOTIFICATIONS, notifications.c.notification_id),
            notifications_total=_NOTIFIED.c.total,
            as_of=sa.func.greatest(
                patients.c.heard_at,
                accounts.c.heard_at,
                _PRESCRIBED.c.heard_at,
                _EXAMINED.c.heard_at,
                _NOTIFIED.c.heard_at,
                _heard_at(admissions),
                _heard_at(beds),
                _heard_at(stock),
            ),
        )
    )
    .select_from(
        patients.outerjoin(accounts, accounts.c.patient_id == patients.c.patient_id)
        .outerjoin(admissions, admissions.c.admission_id == patients.c.admission_id)
        .outerjoin(beds, beds.c.admission_id == patients.c.admission_id)
    )
    .where(_IS_REGISTERED)
)
_IS_KNOWN = compiled(sa.select(sa.true()).where(_IS_REGISTERED))
_NEXT_PRESCRIPTIONS = _page(_PRESCRIPTIONS, prescriptions.c.prescription_id)
_NEXT_LAB_RESULTS = _page(_LAB_RESULTS, lab_results.c.lab_result_id)
_NEXT_NOTIFICATIONS = _page(_NOTIFICATIONS, notifications.c.notification_id)


def find(db: Query, patient_id: UUID, newest: int) -> Chart | None:
    """Returns a chart as of one moment, or None until the patient's registration has been heard of.

    Args:
        db: The database.
        patient_id: Whose.
        newest: How many items of each list; the oldest of them comes first.
    """
    return db.one(Chart, _CHART, patient_id=patient_id, newest=newest)


def is_known(db: Query, patient_id: UUID) -> bool:
    """Says whether the patient has a chart."""
    return db.value(_IS_KNOWN, patient_id=patient_id) is not None


def prescriptions_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[ChartPrescription]:
    """Returns a patient's next prescriptions, oldest first."""
    return db.many(ChartPrescription, _NEXT_PRESCRIPTIONS, patient_id=patient_id, after=after, rows=rows)


def lab_results_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[ChartLabResult]:
    """Returns a patient's next lab results, oldest first."""
    return db.many(ChartLabResult, _NEXT_LAB_RESULTS, patient_id=patient_id, after=after, rows=rows)


def notifications_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[ChartNotification]:
    """Returns a patient's next notifications, oldest first."""
    return db.many(ChartNotification, _NEXT_NOTIFICATIONS, patient_id=patient_id, after=after, rows=rows)
