"""The relay: moves the rows of an outbox to RabbitMQ, and deletes each one only after the broker has confirmed it.

It needs the tables (or document fields) of docs/outbox-contract.md and nothing else of the service that writes them.
"""

from typing import Final

__version__: Final = "0.1.0"
"""The project's; a test holds the two together."""
