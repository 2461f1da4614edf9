"""Patients' accounts: what they are charged for prescriptions and admissions, and whether they have credit."""
