"""How fast the hospital is, each figure beside its baseline and its ceiling from the same run: `make bench`."""

import sys

from local.rundir import REPOSITORY

sys.path.append(str(REPOSITORY / "relay"))  # a distribution of its own
