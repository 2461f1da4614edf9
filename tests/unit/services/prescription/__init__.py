"""Unit tests of prescription."""
