"""The tables of admission: it has none of its own, because an admission is its saga, in the library's table `saga`.

That is declared here once more, with the index by which a patient's admissions are found. The copy is this service's:
the library's own declaration stays as it is.
"""

import sqlalchemy as sa

from infirmary.postgres.library_tables import saga
from infirmary.postgres.statements import new_metadata

metadata = new_metadata()

admissions = saga.to_metadata(metadata)

sa.Index("admissions_of_patient", admissions.c.data["patient_id"].astext, admissions.c.saga_id)
