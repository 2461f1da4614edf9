"""A small provider of identities for one machine: OpenID Connect Discovery, its keys, and a token for each role.

It stands in for the hospital's own provider, where people log in; it asks nobody for a password but for their role.
"""
