"""The ways in which a conversation with a broker ends or fails."""

from infirmary_streams.codes import name_of


class StreamLostError(Exception):
    """The connection is gone or unusable."""


class BrokerClosedError(StreamLostError):
    """The broker closed the connection and said why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the broker closed the connection: {code} {reason}")
        self.code = code


class RefusedError(Exception):
    """The broker refused a request; the connection goes on.

    Attributes:
        code: The broker's response code.
    """

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"{what}: {name_of(code)}")
        self.code = code


class NonsenseError(ValueError):
    """Bytes that are no frame, command, chunk or section of the protocol."""
