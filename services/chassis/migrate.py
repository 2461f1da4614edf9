"""Runs a service's own Alembic migrations, safely also when several processes start it at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool, text

from services.chassis.rooms import SERVICES
from services.chassis.settings import Settings

_LOCK = "hashtextextended('infirmary:migration', 0)"


def migrate(service: str, settings: Settings, revision: str = "head") -> None:
    """Brings the service's database to a revision of its migrations. Does nothing when it is there.

    Raises:
        sqlalchemy.exc.OperationalError: The database does not answer.
    """
    url = settings.database_url.replace("postgres://", "postgresql://", 1).replace(
        "postgresql://", "postgresql+psycopg://", 1
    )
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"application_name": f"{service}/migrate"})
    with engine.connect() as connection:
        # One after the other; the lock ends with the session.
        connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(migrations_of(service)))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def migrations_of(service: str) -> Path:
    """Returns the folder of a service's migrations."""
    return SERVICES / service / "migrations"
