"""The tables of admission: it has none of its own, because an admission is its saga, in the library's table `saga`.

Later it is in the archive of sagas. Both are declared here once more, with the indexes by which a patient's admissions
are found. The copies are this service's: the library's own declarations stay as they are.
"""

import sqlalchemy as sa

from infirmary.postgres.library_tables import saga, saga_archive
from infirmary.postgres.statements import new_metadata

metadata = new_metadata()

admissions = saga.to_metadata(metadata)
archived = saga_archive.to_metadata(metadata)

sa.Index("admissions_of_patient", admissions.c.data["patient_id"].astext, admissions.c.saga_id)
sa.Index("archived_admissions_of_patient", archived.c.data["patient_id"].astext, archived.c.saga_id)
