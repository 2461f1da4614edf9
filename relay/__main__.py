"""`python -m relay` in a checkout is the command `infirmary-relay`, without having it installed."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from infirmary_relay.command import main

    sys.exit(main())
