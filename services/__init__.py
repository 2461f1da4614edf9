"""The hospital's nine services."""
