"""Brokers of the stream protocol that say the right things in a bad way: proxies in front of the real one."""

import asyncio
import struct
from random import Random

from infirmary_streams import codes, publishing
from tests.integration.relay.mute_broker import MuteStreams

_ERROR = struct.Struct(">QH")
_HEAD = struct.Struct(">IHHBI")


class SlowStreams(MuteStreams):
    """What the broker says comes in pieces of a few bytes, and late."""

    is_mute = False
    _chance = Random(14)

    async def _pass_on_frame(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        while frame:
            size = self._chance.randint(1, 7)
            writer.write(frame[:size])
            await writer.drain()
            frame = frame[size:]
            await asyncio.sleep(self._chance.choice([0, 0, 0.001, 0.02]))


class ForgetfulStreams(MuteStreams):
    """Keeps the first confirm to itself, and tells all others."""

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
        frame, is_confirm = await super()._frame(reader)
        return frame, is_confirm and not self.kept


class RefusingStreams(MuteStreams):
    """Says of the first message that is confirmed that it was not taken."""

    is_mute = False
    refused = 0

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
        frame, is_confirm = await super()._frame(reader)
        if is_confirm and not self.refused:
            self.refused += 1
            publisher_id, (first, *others) = publishing.confirmed(frame[8:])
            error = _said(codes.PUBLISH_ERROR, publisher_id, 1, _ERROR.pack(first, codes.INTERNAL_ERROR))
            frame = error + _said(
                codes.PUBLISH_CONFIRM, publisher_id, len(others), struct.pack(f">{len(others)}Q", *others)
            )
        return frame, is_confirm


def _said(key: int, publisher_id: int, count: int, content: bytes) -> bytes:
    return _HEAD.pack(_HEAD.size - 4 + len(content), key, 1, publisher_id, count) + content
