"""A service's database is put back to an earlier moment, and made whole again from its logs."""
