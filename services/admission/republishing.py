"""How admission tells its admissions again."""

from collections.abc import Iterator

import sqlalchemy as sa

from infirmary.messages import Event
from infirmary.postgres.republishing import Rows
from infirmary.postgres.sagas.view import SagaView
from infirmary.postgres.statements import fields_of
from infirmary.republishing.declaration import Republishing
from services.admission.messages import AdmissionCompleted, AdmissionFailed
from services.admission.saga import ADMISSION, Admission, requested
from services.admission.tables import admissions

republishing = Republishing("admission")

_ALL = sa.select(*fields_of(SagaView, admissions)).where(admissions.c.name == ADMISSION.name)


@republishing.of("admissions", Rows(SagaView, _ALL, admissions.c.saga_id))
def tell_admission(saga: SagaView) -> Iterator[Event]:
    """Tells what was asked for, and how it has ended if it has."""
    admission = Admission.model_validate(saga.data)
    yield requested(admission)
    if saga.state.status == "completed":
        yield AdmissionCompleted(**admission.model_dump())
    elif saga.state.status == "failed":
        yield AdmissionFailed(**admission.model_dump(), reason=saga.state.reason or "it was not told why")
