"""Chaos on a cluster: the client, the generator and the checker of `tests.chaos`, with a nemesis for pods."""
