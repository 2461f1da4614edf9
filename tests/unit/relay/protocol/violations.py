"""What must not happen, said so that a test can ask for it by name."""


class ProtocolViolation(AssertionError):
    """The protocol has done what it promises not to do."""


def require(holds: bool, otherwise: str) -> None:
    """Raises unless something holds.

    Raises:
        ProtocolViolation: It does not; the message says what happened instead.
    """
    if not holds:
        raise ProtocolViolation(otherwise)
