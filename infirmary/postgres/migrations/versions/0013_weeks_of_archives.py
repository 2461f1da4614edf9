"""Whoever fills an archive may have its weeks made and dropped, and need not own anything for it."""

from alembic import context, op
from sqlalchemy import text

revision = "0013"
down_revision = "0012"

# The least UUID of version 7 of a day: infirmary.identifiers.least_id_of.
_BEGINS = "lpad(to_hex(extract(epoch FROM {day})::bigint * 1000), 12, '0')"
_LEAST = f"quote_literal(({_BEGINS} || '70008000000000000000')::uuid)"

# No percent sign: where statements are only printed, and where they are run, it means something else. Nobody but the
# owner can make anything in the schema that names are looked for in.
_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}(archive text, monday date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    week text := quote_ident(archive || to_char(monday::timestamp, '_YYYY_MM_DD'));
BEGIN
    IF archive IS NULL OR archive NOT IN ('saga_archive', 'saga_outcome_archive')
       OR monday IS NULL OR extract(isodow FROM monday) <> 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = concat('there is no week of an archive ', archive, ' ', monday);
    END IF;
    {work}
END
$$
"""

# To make it as a partition would lock the archive against everybody; to attach it locks it against other migrations.
_MAKE = f"""EXECUTE 'CREATE TABLE ' || week || ' (LIKE ' || archive
            || ' INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)';
    EXECUTE 'ALTER TABLE ' || archive || ' ATTACH PARTITION ' || week
            || ' FOR VALUES FROM (' || {_LEAST.format(day="monday")}
            || ') TO (' || {_LEAST.format(day="monday + 7")} || ')';"""

_DROP = "EXECUTE 'DROP TABLE ' || week;"


def upgrade() -> None:
    """Makes two functions that do what they say as their owner, for those who are given the right to call them."""
    schema = "public"
    if not context.is_offline_mode():
        schema = op.get_bind().scalar(text("SELECT quote_ident(current_schema())"))
    for name, work in (("make_archive_week", _MAKE), ("drop_archive_week", _DROP)):
        op.execute(_FUNCTION.format(name=name, schema=schema, work=work))
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name}(text, date) FROM PUBLIC")
