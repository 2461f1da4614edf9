"""The processes of a service that have a role of their own in its database. Pure."""

from enum import StrEnum


class Process(StrEnum):
    """A process that has a role of its own; the value is how the role's name ends."""

    API = "api"
    CONSUMER = "consumer"
    RELAY = "relay"

    def role_in(self, database: str) -> str:
        """Returns the name of its role: `lab_results_api`."""
        return f"{database}_{self}"
