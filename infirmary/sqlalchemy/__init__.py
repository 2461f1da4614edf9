"""The outbox in anybody's SQLAlchemy Session."""

from infirmary.sqlalchemy.outbox import Outbox

__all__ = ["Outbox"]
