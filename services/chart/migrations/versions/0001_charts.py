"""The projection that charts are read from."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables.

    Each is written from the log of one service only. So it makes no difference to any row which service is heard first,
    and readers of different logs never wait for each other. What an event does not tell stays null until another does.
    """
    op.execute(
        """
        -- From patient. `version` guards the name. The admission is the one in force.
        CREATE TABLE patients (
            patient_id    uuid PRIMARY KEY,
            full_name     text,
            version       bigint NOT NULL DEFAULT 0,
            date_of_birth date,
            admission_id  uuid,
            ward_id       text,
            admitted_at   timestamptz,
            heard_at      timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 80);

        -- From admission.
        CREATE TABLE admissions (
            admission_id uuid PRIMARY KEY,
            patient_id   uuid NOT NULL,
            status       text NOT NULL,
            heard_at     timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX admissions_of_patient ON admissions (patient_id);

        -- From ward.
        CREATE TABLE beds (
            admission_id uuid PRIMARY KEY,
            patient_id   uuid NOT NULL,
            reserved     boolean NOT NULL,
            heard_at     timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 80);
        CREATE INDEX beds_of_patient ON beds (patient_id);

        -- From prescription.
        CREATE TABLE prescriptions (
            prescription_id uuid PRIMARY KEY,
            patient_id      uuid NOT NULL,
            medication_code text,
            quantity        integer,
            status          text NOT NULL,
            reason          text,
            heard_at        timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 80);
        CREATE INDEX prescriptions_of_patient ON prescriptions (patient_id);

        -- From inventory: where the boxes of a prescription are.
        CREATE TABLE stock (
            prescription_id uuid PRIMARY KEY,
            patient_id      uuid NOT NULL,
            stock           text NOT NULL,
            heard_at        timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 80);
        CREATE INDEX stock_of_patient ON stock (patient_id);

        -- From billing. `version` guards the balance.
        CREATE TABLE accounts (
            patient_id uuid PRIMARY KEY,
            balance    numeric(26, 2) NOT NULL,
            version    bigint NOT NULL,
            heard_at   timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 80);

        -- From lab.
        CREATE TABLE lab_results (
            lab_result_id uuid PRIMARY KEY,
            patient_id    uuid NOT NULL,
            test          text NOT NULL,
            value         text NOT NULL,
            unit          text NOT NULL,
            critical      boolean NOT NULL,
            heard_at      timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX lab_results_of_patient ON lab_results (patient_id);

        -- From notification.
        CREATE TABLE notifications (
            notification_id uuid PRIMARY KEY,
            patient_id      uuid NOT NULL,
            kind            text NOT NULL,
            text            text NOT NULL,
            reference_id    uuid NOT NULL,
            heard_at        timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX notifications_of_patient ON notifications (patient_id);
        """
    )
