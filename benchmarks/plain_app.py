"""`python -m benchmarks.plain_app none|orm`: POST /prescriptions as one would write it without the library.

`none` validates and answers and has no database; `orm` uses SQLAlchemy's ORM and writes no outbox row. Both run under
the library's gunicorn with the same settings.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from flask import Flask, Response, request
from pydantic import BaseModel
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from infirmary.http.server import Server
from infirmary.observing.pool_state import PoolState
from infirmary.settings import Settings, read


class NoStorage:
    """What the server asks of an application about its database, of one that has nothing to say."""

    def problem(self) -> None:
        """Says that nothing is wrong."""

    def pool(self) -> PoolState:
        """Says that nothing is pooled."""
        return PoolState()

    def close(self) -> None:
        """Closes nothing."""


class NewPrescription(BaseModel):
    """The request."""

    patient_id: UUID
    medication_code: str
    quantity: int


class Answer(BaseModel):
    """The answer, with the fields of the real one."""

    prescription_id: UUID
    patient_id: UUID
    patient_name: str
    medication_code: str
    quantity: int
    status: str = "pending"
    reason: str | None = None
    created_at: datetime


class Base(DeclarativeBase):
    """What the mapped classes have in common."""


class PatientSnapshot(Base):
    """A patient whom the service has heard of."""

    __tablename__ = "patient_snapshot"
    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    full_name: Mapped[str]


class Prescription(Base):
    """A prescription."""

    __tablename__ = "prescriptions"
    prescription_id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    medication_code: Mapped[str]
    quantity: Mapped[int]
    status: Mapped[str]
    created_at: Mapped[datetime]


def without_database(_settings: Settings) -> Flask:
    """Returns an application that only validates and answers."""
    return _app(lambda asked: _answer(uuid4(), "Somebody", asked, datetime.now(UTC)))


def with_orm(settings: Settings) -> Flask:
    """Returns an application that looks the patient up and inserts the prescription."""
    url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, pool_size=settings.database_connections)

    def prescribe(asked: NewPrescription) -> Answer:
        with Session(engine) as session:
            patient = session.get_one(PatientSnapshot, asked.patient_id)
            answer = _answer(uuid4(), patient.full_name, asked, datetime.now(UTC))
            session.add(Prescription(**answer.model_dump(exclude={"patient_name", "reason"})))
            session.commit()
            return answer

    return _app(prescribe)


APPLICATIONS: dict[str, Callable[[Settings], Flask]] = {"none": without_database, "orm": with_orm}


def _app(prescribe: Callable[[NewPrescription], Answer]) -> Flask:
    app = Flask("plain")

    @app.post("/prescriptions")
    def create_prescription() -> Response:
        answer = prescribe(NewPrescription.model_validate_json(request.get_data()))
        return Response(answer.model_dump_json(), 201, content_type="application/json")

    app.extensions["storage"] = NoStorage()
    return app


def _answer(prescription_id: UUID, patient_name: str, asked: NewPrescription, at: datetime) -> Answer:
    return Answer(prescription_id=prescription_id, patient_name=patient_name, created_at=at, **asked.model_dump())


if __name__ == "__main__":
    chosen = read(Settings)
    Server(lambda: APPLICATIONS[sys.argv[1]](chosen), chosen).run()
