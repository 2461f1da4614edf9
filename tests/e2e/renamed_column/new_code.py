"""The code that goes with the new column."""

NEW_SQL = {
    "SELECT patient_id, full_name,": "SELECT patient_id, legal_name AS full_name,",
    "INSERT INTO patients (patient_id, full_name,": "INSERT INTO patients (patient_id, legal_name,",
    "UPDATE patients SET full_name =": "UPDATE patients SET legal_name =",
}


def with_new_sql(store: str) -> str:
    """Returns the text of patient's `store.py` as it is after the change.

    Raises:
        LookupError: It does not hold what was to be replaced.
    """
    for old, new in NEW_SQL.items():
        if old not in store:
            raise LookupError(old)
        store = store.replace(old, new)
    return store
