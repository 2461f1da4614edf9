"""The protocol's numbers: commands and response codes, by the names of its description."""

from typing import Final

DECLARE_PUBLISHER: Final = 0x0001
PUBLISH: Final = 0x0002
PUBLISH_CONFIRM: Final = 0x0003
PUBLISH_ERROR: Final = 0x0004
DELETE_PUBLISHER: Final = 0x0006
SUBSCRIBE: Final = 0x0007
DELIVER: Final = 0x0008
CREDIT: Final = 0x0009
UNSUBSCRIBE: Final = 0x000C
CREATE: Final = 0x000D
DELETE: Final = 0x000E
METADATA: Final = 0x000F
METADATA_UPDATE: Final = 0x0010
PEER_PROPERTIES: Final = 0x0011
SASL_HANDSHAKE: Final = 0x0012
SASL_AUTHENTICATE: Final = 0x0013
TUNE: Final = 0x0014
OPEN: Final = 0x0015
CLOSE: Final = 0x0016
HEARTBEAT: Final = 0x0017
RESPONSE: Final = 0x8000
"""Added to a command's number in the answer to it."""

OK: Final = 0x01
NO_SUCH_STREAM: Final = 0x02
STREAM_EXISTS: Final = 0x05
STREAM_NOT_AVAILABLE: Final = 0x06
SASL_CHALLENGE: Final = 0x0A
UNKNOWN_FRAME: Final = 0x0D
FRAME_TOO_LARGE: Final = 0x0E
INTERNAL_ERROR: Final = 0x0F
ACCESS_REFUSED: Final = 0x10
PRECONDITION_FAILED: Final = 0x11
NO_SUCH_PUBLISHER: Final = 0x12

_NAMES: Final = {
    OK: "ok",
    NO_SUCH_STREAM: "stream does not exist",
    0x03: "subscription exists already",
    0x04: "subscription does not exist",
    STREAM_EXISTS: "stream exists already",
    STREAM_NOT_AVAILABLE: "stream is not available",
    0x07: "SASL mechanism not supported",
    0x08: "authentication failed",
    0x09: "SASL error",
    SASL_CHALLENGE: "SASL challenge",
    0x0B: "authentication failed: this user may connect from the broker's own machine only",
    0x0C: "access to the virtual host refused",
    UNKNOWN_FRAME: "unknown frame",
    FRAME_TOO_LARGE: "frame too large",
    INTERNAL_ERROR: "internal error",
    ACCESS_REFUSED: "access refused",
    PRECONDITION_FAILED: "precondition failed",
    NO_SUCH_PUBLISHER: "publisher does not exist",
    0x13: "no such offset",
}


def name_of(code: int) -> str:
    """A response code in words."""
    return _NAMES.get(code, f"response code {code}")
