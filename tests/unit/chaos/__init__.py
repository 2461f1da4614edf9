"""The pure parts of tests/chaos."""
