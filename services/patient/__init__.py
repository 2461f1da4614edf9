"""Patients: who they are, what they are called, and whether they are admitted."""
