"""Sagas in PostgreSQL: their rows, what was answered to them, their timers, and what carries them on."""
