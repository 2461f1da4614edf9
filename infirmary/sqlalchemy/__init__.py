"""The outbox in anybody's SQLAlchemy Session: docs/flask-sqlalchemy.md."""

from infirmary.sqlalchemy.outbox import Outbox, publish

__all__ = ["Outbox", "publish"]
