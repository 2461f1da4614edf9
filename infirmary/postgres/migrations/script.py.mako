"""${message}."""

${"import sqlalchemy as sa\n" if "sa." in upgrades else ""}from alembic import op
${imports + "\n\n" if imports else "\n"}revision = "${up_revision}"
down_revision = ${f'"{down_revision}"' if down_revision else None}


def upgrade() -> None:
    """Brings the tables to what `tables.py` declares."""
    ${"\n".join(line for line in upgrades.splitlines() if not line.lstrip().startswith("#")).strip()}
