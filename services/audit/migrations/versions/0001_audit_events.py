"""The chain of audit events, and what keeps everybody from changing it."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables, and the triggers that hold for their owner, too."""
    op.execute(
        """
        CREATE TABLE audit_events (
            position   bigint PRIMARY KEY,
            access_id  uuid NOT NULL,
            patient_id uuid,
            record     text NOT NULL,
            hash       bytea NOT NULL
        );
        CREATE UNIQUE INDEX audit_events_by_id ON audit_events (access_id);
        CREATE INDEX audit_events_of_patient ON audit_events (patient_id, access_id);

        CREATE TABLE audit_head (
            one      boolean PRIMARY KEY DEFAULT true CONSTRAINT audit_head_one_limit CHECK (one),
            position bigint NOT NULL,
            hash     bytea NOT NULL
        );
        INSERT INTO audit_head (position, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

        CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%: what is on record stays as it is', TG_TABLE_NAME USING ERRCODE = 'raise_exception';
        END $$;
        CREATE FUNCTION audit_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.position <= OLD.position THEN
                RAISE EXCEPTION 'audit_head: the chain goes on only' USING ERRCODE = 'raise_exception';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER audit_events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
            FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
        CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON audit_head
            FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
        CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head
            FOR EACH ROW EXECUTE FUNCTION audit_goes_on();
        """
    )
