"""Unit tests of admission."""
