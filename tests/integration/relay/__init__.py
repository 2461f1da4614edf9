"""The relay against real servers: one conformance suite for both sources, and what only one of them can do."""
