"""The SQL of admission. It has no table of its own: an admission is its saga, in the library's table `saga`."""

from uuid import UUID

from infirmary.postgres.sagas.view import SagaView
from infirmary.postgres.transaction import Query


def of_patient(db: Query, patient_id: UUID | None, after: UUID, at_most: int) -> list[SagaView]:
    """Returns admissions in the order of their ids, which is that of their beginning.

    Args:
        db: The database.
        patient_id: Whose; None for everybody's.
        after: The id behind which to start.
        at_most: How many.
    """
    if patient_id is None:
        return db.many(
            SagaView,
            """SELECT saga_id, data, state, started_at FROM saga
               WHERE name = 'admission' AND saga_id > %(after)s ORDER BY saga_id LIMIT %(at_most)s""",
            after=after,
            at_most=at_most,
        )
    return db.many(
        SagaView,
        """SELECT saga_id, data, state, started_at FROM saga
           WHERE name = 'admission' AND data ->> 'patient_id' = %(patient_id)s AND saga_id > %(after)s
           ORDER BY saga_id LIMIT %(at_most)s""",
        patient_id=str(patient_id),
        after=after,
        at_most=at_most,
    )
