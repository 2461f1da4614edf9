"""A library for services that stay consistent: messages, outbox, consumer, sagas, snapshots, HTTP, health, metrics."""

from typing import Final

__version__: Final = "0.1.0"
"""The distribution's; a test holds the two together."""
