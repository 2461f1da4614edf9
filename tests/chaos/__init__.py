"""Chaos: does everything still hold after any fault? Four separate parts, as Jepsen has them.

client      what people and other programs do meanwhile, over HTTP and SQL
nemesis     the faults, one small module per family
schedule    the generator: what is done when, a pure function of a seed that is printed
checker     pure functions over the recorded history and the final databases and logs

`campaign` lets them loose on one hospital: `python -m tests.chaos --minutes 10 --seed 7`.
"""

import sys

from local.rundir import REPOSITORY

sys.path.append(str(REPOSITORY / "relay"))  # a distribution of its own
