"""The databases themselves take no amount, number, text or day that no message and no request may hold."""

import logging
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infirmary.postgres.migrate import migrate
from tests.integration.conftest import NewDatabase
from tests.integration.services.test_forged_messages import PATIENT, Reader

ID = "gen_random_uuid()"
ENTRY = "INSERT INTO entries VALUES ({id}, '{patient}', 'prescription', {id}, {amount}, 'open', {at})"
ACCOUNT = "INSERT INTO accounts VALUES ({id}, false, {balance}, {version})"
MEDICATION = "INSERT INTO medications VALUES ('{code}', '{name}', {price}, {on_hand}, {reserved})"
PATIENTS = "INSERT INTO patients VALUES ({id}, '{name}', '{day}', {version}, NULL)"
SNAPSHOT = "INSERT INTO patient_snapshot VALUES ({id}, '{name}', {version})"
PRESCRIPTION = "INSERT INTO prescriptions VALUES ({id}, {id}, '{code}', {quantity}, '{status}', {reason}, {at})"
LAB_RESULT = "INSERT INTO lab_results VALUES ({id}, {id}, '{name}', '{value}', '{unit}', false, {at})"
WARD = "INSERT INTO wards VALUES ('{code}', '{name}', {beds})"
CHARTED = "INSERT INTO accounts VALUES ({id}, {balance}, {version})"
STOCK = "INSERT INTO stock VALUES ({id}, {id}, '{status}')"

GOOD: dict[str, Any] = {
    "amount": "12.50",
    "balance": "12.50",
    "price": "12.50",
    "version": 1,
    "code": "m-1",
    "name": "A",
}
GOOD |= {
    "on_hand": 5,
    "reserved": 6,
    "quantity": 2,
    "beds": 3,
    "day": "1815-12-10",
    "status": "rejected",
    "reason": "NULL",
}
GOOD |= {"value": "6.8", "unit": "", "at": "now()", "id": ID, "patient": PATIENT}

LIMITS = [
    ("billing", ENTRY, "amount", ["'NaN'", "-0.01"]),
    ("billing", ENTRY, "at", ["'infinity'"]),
    ("billing", ACCOUNT, "balance", ["'NaN'", "-5"]),
    ("billing", ACCOUNT, "version", [-1]),
    ("inventory", MEDICATION, "price", ["'NaN'", "-0.01", "100000000"]),
    ("inventory", MEDICATION, "on_hand", [-(2**62), 2**62]),
    ("inventory", MEDICATION, "reserved", [-1, 2**62]),
    ("inventory", MEDICATION, "name", ["", "x" * 201]),
    ("inventory", MEDICATION, "code", ["", "x" * 65]),
    ("patient", PATIENTS, "name", ["", "x" * 201]),
    ("patient", PATIENTS, "day", ["infinity", "-infinity", "0001-01-01 BC", "10000-01-01"]),
    ("patient", PATIENTS, "version", [0, -1]),
    ("prescription", SNAPSHOT, "version", [0]),
    ("prescription", PRESCRIPTION, "quantity", [0, -2, 1_000_001]),
    ("prescription", PRESCRIPTION, "status", ["", "lost"]),
    ("prescription", PRESCRIPTION, "reason", ["''"]),
    ("lab", SNAPSHOT, "name", [""]),
    ("lab", LAB_RESULT, "value", ["", "x" * 201]),
    ("lab", LAB_RESULT, "unit", ["x" * 33]),
    ("ward", WARD, "beds", [-1, 10_001]),
    ("ward", WARD, "name", [""]),
    ("chart", CHARTED, "balance", ["'NaN'", "-0.01"]),
    ("chart", CHARTED, "version", [0]),
    ("chart", STOCK, "status", ["lost"]),
]


@pytest.mark.parametrize(("service", "insert", "field", "bad"), LIMITS)
def test_a_database_takes_nothing_beyond_the_limits(
    new_database: NewDatabase, service: str, insert: str, field: str, bad: list[object]
) -> None:
    with psycopg.connect(new_database(service).as_owner().database_url, autocommit=True) as connection:
        if insert == ENTRY:
            connection.execute(ACCOUNT.format(**{**GOOD, "id": f"'{PATIENT}'"}).encode())
        connection.execute(insert.format(**GOOD).encode())
        for value in bad:
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(insert.format(**{**GOOD, field: value}).encode())


def test_rows_from_before_a_limit_do_not_stop_the_release_and_are_told_of(
    new_database: NewDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = new_database("billing")
    with psycopg.connect(chosen.as_owner().database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE accounts DROP CONSTRAINT accounts_balance_limit")
        connection.execute(ACCOUNT.format(**{**GOOD, "balance": "'NaN'"}).encode())
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with caplog.at_level(logging.WARNING):
        migrate("billing", chosen)
    assert "some rows of accounts break accounts_balance_limit; new ones cannot" in caplog.messages
    with psycopg.connect(chosen.as_owner().database_url, autocommit=True) as connection:
        not_validated = connection.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated").fetchall()
        assert not_validated == [("accounts_balance_limit",)]
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(ACCOUNT.format(**{**GOOD, "balance": "'NaN'"}).encode())


def test_what_would_leave_a_row_beyond_a_limit_is_parked_with_the_limits_name(new_database: NewDatabase) -> None:
    reader = Reader("chart", new_database)
    limit = "patients_date_of_birth_limit"
    with psycopg.connect(reader.url, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE patients DROP CONSTRAINT {limit}")
        connection.execute(f"INSERT INTO patients VALUES ('{PATIENT}', 'Ada', 1, 'infinity')")
        connection.execute(f"ALTER TABLE patients ADD CONSTRAINT {limit} CHECK (isfinite(date_of_birth)) NOT VALID")
    renamed = {"patient_id": PATIENT, "full_name": "Ada King", "version": 2}
    reader.hears("patient", "PatientNameChanged", renamed, {**renamed, "patient_id": str(uuid4())})
    ((error,),) = reader.rows("SELECT error FROM parked_message")
    versions = reader.rows("SELECT version FROM patients ORDER BY version")
    reader.close()
    assert limit in error
    assert versions == [(1,), (2,)]


def test_the_lists_of_documents_are_read_in_the_order_of_an_index(new_database: NewDatabase) -> None:
    lists = {"chart": ["prescriptions_in_order", "lab_results_in_order", "notifications_in_order"]}
    lists |= {"ward": ["reservations_of_ward"], "billing": ["entries_patient"]}
    for service, names in lists.items():
        with psycopg.connect(new_database(service).as_owner().database_url) as connection:
            valid = connection.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid").fetchall()
            assert set(names) <= {name for (name,) in valid}
