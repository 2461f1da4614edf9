"""The nemesis: the faults, one module per family, each by itself usable in a test."""
