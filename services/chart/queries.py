"""The SQL that reads charts from the projection; what writes it is in `store.py`."""

from typing import LiteralString
from uuid import UUID

from infirmary.postgres.transaction import Query
from services.chart.model import Chart, ChartLabResult, ChartNotification, ChartPrescription

_PRESCRIPTIONS: LiteralString = """
SELECT r.prescription_id, r.medication_code, r.quantity, r.status, r.reason, s.stock
FROM prescriptions r LEFT JOIN stock s USING (prescription_id)
"""
_LAB_RESULTS: LiteralString = "SELECT r.lab_result_id, r.test, r.value, r.unit, r.critical FROM lab_results r "
_NOTIFICATIONS: LiteralString = "SELECT r.notification_id, r.kind, r.text, r.reference_id FROM notifications r "


def _newest(select: LiteralString, key: LiteralString) -> LiteralString:
    """Returns an array of a patient's newest rows, the oldest of them first."""
    newest = select + "WHERE r.patient_id = p.patient_id ORDER BY r." + key + " DESC LIMIT %(newest)s"
    return "ARRAY(SELECT to_jsonb(n) FROM (" + newest + ") n ORDER BY n." + key + ")"


_CHART: LiteralString = (
    """
SELECT jsonb_build_object('patient_id', p.patient_id, 'full_name', p.full_name, 'version', p.version,
                          'date_of_birth', p.date_of_birth, 'admitted', p.admission_id IS NOT NULL) AS patient,
       CASE WHEN p.admission_id IS NOT NULL THEN
            jsonb_build_object('admission_id', p.admission_id, 'ward_id', p.ward_id, 'at', p.admitted_at,
                               'status', coalesce(a.status, 'running'),
                               'bed_reserved', coalesce(b.reserved, false)) END AS admission,
       """
    + _newest(_PRESCRIPTIONS, "prescription_id")
    + """ AS prescriptions, prescribed.total AS prescriptions_total,
       """
    + _newest(_LAB_RESULTS, "lab_result_id")
    + """ AS lab_results, examined.total AS lab_results_total,
       coalesce(c.balance, 0) AS balance,
       """
    + _newest(_NOTIFICATIONS, "notification_id")
    + """ AS notifications, told.total AS notifications_total,
       greatest(p.heard_at, c.heard_at, prescribed.heard_at, examined.heard_at, told.heard_at,
                (SELECT max(heard_at) FROM admissions WHERE patient_id = p.patient_id),
                (SELECT max(heard_at) FROM beds WHERE patient_id = p.patient_id),
                (SELECT max(heard_at) FROM stock WHERE patient_id = p.patient_id)) AS as_of
FROM patients p
LEFT JOIN accounts c USING (patient_id)
LEFT JOIN admissions a ON a.admission_id = p.admission_id
LEFT JOIN beds b ON b.admission_id = p.admission_id,
LATERAL (SELECT count(*) AS total, max(heard_at) AS heard_at FROM prescriptions r
         WHERE r.patient_id = p.patient_id) prescribed,
LATERAL (SELECT count(*) AS total, max(heard_at) AS heard_at FROM lab_results r
         WHERE r.patient_id = p.patient_id) examined,
LATERAL (SELECT count(*) AS total, max(heard_at) AS heard_at FROM notifications r
         WHERE r.patient_id = p.patient_id) told
WHERE p.patient_id = %(patient_id)s AND p.date_of_birth IS NOT NULL
"""
)


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
    known = "SELECT true FROM patients WHERE patient_id = %(patient_id)s AND date_of_birth IS NOT NULL"
    return db.value(known, patient_id=patient_id) is not None


def _page(select: LiteralString, key: LiteralString) -> LiteralString:
    of_patient: LiteralString = "WHERE r.patient_id = %(patient_id)s AND r."
    return select + of_patient + key + " > %(after)s ORDER BY r." + key + " LIMIT %(rows)s"


def prescriptions_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[ChartPrescription]:
    """Returns a patient's next prescriptions, oldest first."""
    sql = _page(_PRESCRIPTIONS, "prescription_id")
    return db.many(ChartPrescription, sql, patient_id=patient_id, after=after, rows=rows)


def lab_results_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[ChartLabResult]:
    """Returns a patient's next lab results, oldest first."""
    sql = _page(_LAB_RESULTS, "lab_result_id")
    return db.many(ChartLabResult, sql, patient_id=patient_id, after=after, rows=rows)


def notifications_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[ChartNotification]:
    """Returns a patient's next notifications, oldest first."""
    sql = _page(_NOTIFICATIONS, "notification_id")
    return db.many(ChartNotification, sql, patient_id=patient_id, after=after, rows=rows)
