"""Audit: the record of who did or saw what of which patient."""
