"""Orchestrated sagas: steps over several services, undone in reverse order when one is refused."""
