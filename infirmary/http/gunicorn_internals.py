"""What the library needs of gunicorn beyond its interface.

A test checks that pyproject.toml bounds the versions.
"""

from typing import Any


def takes_expectation(head: Any) -> bool:
    """Says whether a request waits for `100 Continue`, and takes that from it, so that it is said once.

    Args:
        head: gunicorn's request.
    """
    waits = bool(head._expected_100_continue)
    head._expected_100_continue = False
    return waits
