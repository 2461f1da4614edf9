"""The history of this service's database."""
