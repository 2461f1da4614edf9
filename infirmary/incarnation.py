"""What it means for a service's processes that its database was set back to an earlier moment."""


class DatabaseSetBack(RuntimeError):
    """The database is marked as set back: nothing is written until it has taken on what it lacks."""

    def __init__(self, because: str) -> None:
        super().__init__(
            f"nothing is written until the service's database has been brought up to what its logs say: {because}"
        )
