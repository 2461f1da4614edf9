"""The rules that docs/guarantees.md lists, each a pure function of the facts and of what a client was told."""
