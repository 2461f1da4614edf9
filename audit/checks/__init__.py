"""The rules of design.md section 9, each a pure function of the facts and of what a client was told."""
