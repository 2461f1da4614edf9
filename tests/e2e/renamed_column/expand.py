"""The new column beside the old one; a trigger keeps both alike while old and new code run side by side."""

from alembic import op

revision = "NEXT"
down_revision = "NEWEST"


def upgrade() -> None:
    """Adds the column, fills it, and lets whoever writes one write both."""
    op.execute(
        """
        ALTER TABLE patients ADD COLUMN legal_name text;
        CREATE FUNCTION keep_names_alike() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                NEW.legal_name := coalesce(NEW.legal_name, NEW.full_name);
                NEW.full_name := coalesce(NEW.full_name, NEW.legal_name);
            ELSIF NEW.full_name IS DISTINCT FROM OLD.full_name THEN
                NEW.legal_name := NEW.full_name;
            ELSIF NEW.legal_name IS DISTINCT FROM OLD.legal_name THEN
                NEW.full_name := NEW.legal_name;
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER keep_names_alike BEFORE INSERT OR UPDATE ON patients
            FOR EACH ROW EXECUTE FUNCTION keep_names_alike();
        UPDATE patients SET legal_name = full_name;
        ALTER TABLE patients ALTER COLUMN full_name DROP NOT NULL;
        """
    )
