"""Unit tests of notification."""
