"""The ways in which a conversation with a broker ends or fails."""

from typing import Final

from infirmary_streams.codes import name_of

WHAT_TO_LOOK_AT: Final = (
    "RABBITMQ_URL says who logs in, with which password and to which virtual host; RABBITMQ_STREAM_PORT where the "
    "broker's plugin rabbitmq_stream listens, 0 that there is none: then logs go by AMQP"
)
"""What relay and consumer add to an error over which no connection comes about: the settings that decide over that."""


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
