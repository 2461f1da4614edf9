"""W3C Trace Context: which `traceparent` and `tracestate` of a caller's are taken, and what is made of them. Pure.

https://www.w3.org/TR/trace-context/ has the rules. What is not as they say is left out, and a new trace begins.
"""

import os
import re
from typing import Final

_OURS: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LATER: Final = re.compile(
    r"(?!00|ff)[0-9a-f]{2}(-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?", re.DOTALL
)
_SAMPLED: Final = "01"
_NOT_SAMPLED: Final = "00"

_KEY: Final = r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_MEMBER: Final = re.compile(rf"({_KEY})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_MOST_MEMBERS: Final = 32
_LONG_MEMBER: Final = 128
LONGEST_TRACESTATE: Final = 512
"""Characters of a `tracestate` that are carried on; the standard asks for no fewer."""


def traceparent_of(text: str | None) -> str | None:
    """Returns a caller's traceparent in version 00, or None when there is none that may be used.

    Of a later version the part is read that is known. The one flag that is known is `sampled`; others are cleared.
    """
    if not text:
        return None
    if not _OURS.fullmatch(text):
        later = _LATER.fullmatch(text)
        if later is None:
            return None
        text = f"00{later[1]}"
    if text.endswith(("-01", "-00")):
        return text
    return text[:53] + (_SAMPLED if int(text[53:], 16) & 1 else _NOT_SAMPLED)


def tracestate_of(text: str | None) -> str:
    """Returns a caller's tracestate to be carried on, empty when there is none that may be used.

    Of one that is too long whole members are left out, as the standard has it: long ones first, then the last.
    """
    if not text:
        return ""
    members = [member for each in text.split(",") if (member := each.strip(" \t"))]
    if len(members) > _MOST_MEMBERS or not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    if len(text) > LONGEST_TRACESTATE and _length(members) > LONGEST_TRACESTATE:
        _shorten(members)
    return ",".join(members)


def _shorten(members: list[str]) -> None:
    for at in range(len(members) - 1, -1, -1):
        if _length(members) > LONGEST_TRACESTATE and len(members[at]) > _LONG_MEMBER:
            del members[at]
    while _length(members) > LONGEST_TRACESTATE:
        members.pop()


def _length(members: list[str]) -> int:
    return sum(map(len, members)) + len(members) - 1


def is_sampled(traceparent: str) -> bool:
    """Says whether a traceparent of version 00 asks for spans."""
    return traceparent.endswith(_SAMPLED)


def child_of(traceparent: str) -> str:
    """Returns the traceparent of a child: the same trace, a new span."""
    return f"{traceparent[:36]}{os.urandom(8).hex()}-{traceparent[-2:]}"


def new_traceparent(ratio: float) -> str:
    """Returns the traceparent of a trace that begins here.

    Whether it is sampled is told by its id, as OpenTelemetry's TraceIdRatioBased does: processes of one ratio decide
    alike.

    Args:
        ratio: The share of such traces that are sampled, from 0 to 1.
    """
    drawn = os.urandom(24).hex()
    is_below = ratio > 0 and int(drawn[16:32], 16) < ratio * 2**64
    return f"00-{drawn[:32]}-{drawn[32:]}-{_SAMPLED if is_below else _NOT_SAMPLED}"
