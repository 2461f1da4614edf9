"""Which admissions were begun, and how they have ended. An admission is its saga, and the library makes that again."""

from infirmary.restoring.declaration import Restoring
from services.admission.messages import AdmissionCompleted, AdmissionFailed, AdmissionRequested
from services.admission.saga import ADMISSION

restoring = Restoring("admission")

restoring.saga(ADMISSION, begins=AdmissionRequested, completes=AdmissionCompleted, fails=AdmissionFailed)
