"""Copies of other services' data: snapshots of names, and the read model."""

from demo.client import Hospital


def test_a_rename_reaches_every_snapshot_and_the_chart(hospital: Hospital) -> None:
    patient, medication = hospital.patient("Ada Byron"), hospital.medication(boxes=1)
    prescription, result = hospital.prescribe(patient, medication), hospital.lab_result(patient)
    hospital.eventually(patient.has_chart, because="the chart hears of the patient")
    hospital.rename(patient, "Ada King")
    hospital.rename(patient, "Ada Lovelace")
    hospital.eventually(lambda: prescription.now.patient_name == "Ada Lovelace", because="prescription hears of it")
    hospital.eventually(lambda: result.now.patient_name == "Ada Lovelace", because="lab hears of it")
    hospital.eventually(
        lambda: patient.chart is not None and patient.chart.patient.full_name == "Ada Lovelace",
        because="chart hears of it",
    )


def test_a_critical_lab_result_notifies_once_and_an_ordinary_one_does_not(hospital: Hospital) -> None:
    patient = hospital.patient()
    hospital.lab_result(patient, critical=False)
    hospital.lab_result(patient, "potassium", "7.9", critical=True)
    hospital.eventually(lambda: len(patient.notifications) == 1, because="the critical one notifies")
    hospital.eventually(
        lambda: (
            patient.chart is not None and len(patient.chart.lab_results) == 2 and len(patient.chart.notifications) == 1
        ),
        because="the chart shows both results and the notification",
    )
    assert [notification.kind for notification in patient.notifications] == ["critical_lab_result"]
