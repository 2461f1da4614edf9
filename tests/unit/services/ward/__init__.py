"""Unit tests of ward."""
