"""The edges, tried on real servers."""
