"""The record of access: who did or saw what of whom, when, from where, and with which result."""
