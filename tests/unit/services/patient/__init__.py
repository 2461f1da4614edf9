"""Unit tests of patient."""
