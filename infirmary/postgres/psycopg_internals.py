"""What the library needs of psycopg beyond its interface.

A test checks that pyproject.toml bounds the versions.
"""

from typing import Final

from psycopg.errors import _WaitTimeout

WAIT_TIMEOUT: Final = _WaitTimeout
"""What `Connection.wait` raises when the server has been silent for the time that it was given."""
