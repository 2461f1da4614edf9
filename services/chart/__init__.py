"""Charts: what the hospital knows about a patient, on one page. Kept from the events of all the other services."""
