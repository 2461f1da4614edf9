"""`python -m infirmary_relay` is the command `infirmary-relay`."""

import sys

from infirmary_relay.command import main

if __name__ == "__main__":
    sys.exit(main())
