"""Applies messages exactly once and in the order of their subject, from logs and from the service's inbox."""
