"""Checks that a hospital at rest is consistent: facts come over HTTP, SQL and AMQP; pure functions judge them."""

from typing import Final

__version__: Final = "0.1.0"
"""The project's; a test holds the two together."""
