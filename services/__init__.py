"""The hospital's ten services."""
