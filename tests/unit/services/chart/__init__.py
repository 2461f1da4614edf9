"""Unit tests of chart."""
