"""How fast the hospital is, each figure beside its baseline and its ceiling from the same run: `make bench`."""
