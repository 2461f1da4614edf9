"""Notices that a database was set back: its logs hold messages that it no longer knows, or numbers given out twice."""
