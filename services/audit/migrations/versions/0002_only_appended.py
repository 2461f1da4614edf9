"""The chain is only appended to: in its order, with hashes that hold, and its end goes with it."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Has what is added looked at, and the end moved by the database itself.

    The release before moves the end once more, to where it is: that is let through.
    """
    op.execute(
        """
        CREATE FUNCTION audit_is_appended() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            last audit_head;
        BEGIN
            SELECT * INTO STRICT last FROM audit_head FOR UPDATE;
            IF EXISTS (
                SELECT FROM (
                    SELECT position, access_id, patient_id, record, record::jsonb AS said, hash,
                           row_number() OVER along AS place, lag(hash, 1, last.hash) OVER along AS hash_before
                    FROM added WINDOW along AS (ORDER BY position)
                ) AS link
                WHERE position <> last.position + place OR hash <> sha256(hash_before || convert_to(record, 'UTF8'))
                   OR said ->> 'access_id' IS DISTINCT FROM access_id::text
                   OR said ->> 'person' IS DISTINCT FROM patient_id::text
                   OR NOT said ?& ARRAY[
                          'access_id', 'address', 'at', 'caller', 'correlation_id', 'identified', 'method', 'person',
                          'roles', 'route', 'scope', 'service', 'several', 'status']
            ) THEN
                RAISE EXCEPTION 'audit_events: a record is put behind the last, with the hash of all before it'
                    USING ERRCODE = 'raise_exception';
            END IF;
            UPDATE audit_head SET position = added.position, hash = added.hash
            FROM (SELECT position, hash FROM added ORDER BY position DESC LIMIT 1) AS added;
            RETURN NULL;
        END $$;
        CREATE TRIGGER audit_events_are_appended AFTER INSERT ON audit_events
            REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_is_appended();

        CREATE OR REPLACE FUNCTION audit_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW = OLD THEN
                RETURN NEW;
            END IF;
            IF NEW.position <= OLD.position THEN
                RAISE EXCEPTION 'audit_head: the chain goes on only' USING ERRCODE = 'raise_exception';
            END IF;
            IF NOT EXISTS (SELECT FROM audit_events AS last WHERE (last.position, last.hash) = (NEW.position, NEW.hash))
            THEN
                RAISE EXCEPTION 'audit_head: the chain ends with a record that is there'
                    USING ERRCODE = 'raise_exception';
            END IF;
            RETURN NEW;
        END $$;
        """
    )
