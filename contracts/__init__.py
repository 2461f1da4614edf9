"""The contracts between services: what each publishes, what each reads of it, and whether the two still fit."""
