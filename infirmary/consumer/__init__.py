"""Applies messages exactly once and in the order of their subject, from logs of events, commands and replies."""
