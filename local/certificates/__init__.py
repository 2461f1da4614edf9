"""A private authority for a cluster, and the certificates of the servers that it vouches for."""
