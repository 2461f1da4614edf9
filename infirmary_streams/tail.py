"""Reads the end of a log: its last messages, and no more of it."""

from collections.abc import Iterator
from typing import Final

from infirmary_streams import chunks
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import NonsenseError

_LOOK: Final = 0
"""The subscription of a look; there is one at a time."""

_AHEAD: Final = 4
"""How many chunks may be under way."""


def tail(conversation: Conversation, log: str, messages: int) -> Iterator[bytes]:
    """Gives the last messages of a log, as it was when it was looked at: about so many, in their order.

    A chunk that cannot be read is passed over.

    Args:
        conversation: With a node that has the log; with its leader, for the very end.
        log: Its name.
        messages: How many are wanted; those of the chunk come in addition in which the first of them stands.

    Raises:
        RefusedError: There is no such log here, or this account may not read it.
        StreamLostError: The connection is gone, or the broker does not answer.
    """
    end = _end(conversation, log)
    if end == 0:
        return
    conversation.request(log, chunks.subscribe, _LOOK, log, chunks.from_offset(max(0, end - messages)), _AHEAD)
    reached = 0
    while reached < end:
        payload = conversation.delivery(waits=True) or b""
        conversation.write(chunks.credit(_LOOK, 1))
        try:
            chunk = chunks.delivered(payload)[1]
        except chunks.UnreadableChunkError as odd:
            reached = odd.extent.first_offset + odd.extent.messages
            continue
        if chunk is not None:
            reached = chunk.first_offset + len(chunk.messages)
            yield from chunk.messages
    _leave(conversation, log)


def _end(conversation: Conversation, log: str) -> int:
    """The offset behind a log's last message; 0 for a log without any."""
    conversation.request(log, chunks.subscribe, _LOOK, log, chunks.LAST, 1)
    conversation.placements(log)  # whose answer comes behind the last chunk, if there is one
    payload = conversation.delivery(waits=False)
    _leave(conversation, log)
    try:
        extent = chunks.extent(payload) if payload is not None else None
    except NonsenseError:
        return 0
    return 0 if extent is None else extent.first_offset + extent.messages


def _leave(conversation: Conversation, log: str) -> None:
    conversation.request(log, chunks.unsubscribe, _LOOK)
    while conversation.delivery(waits=False) is not None:
        pass  # it was under way, and is not wanted any more
