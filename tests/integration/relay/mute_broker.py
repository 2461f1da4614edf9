"""A broker that takes everything and confirms nothing: a proxy in front of the real one that keeps its confirms."""

import asyncio
import contextlib
import struct
from urllib.parse import urlsplit

from tests.chaos.proxy import Proxy, Way

_HEAD = struct.Struct(">BHI")
_METHOD, _ACK = 1, struct.pack(">HH", 60, 80)


class MuteBroker(Proxy):
    """Passes everything on except `basic.ack`, until it is told to `restore`."""

    def __init__(self, url: str) -> None:
        super().__init__(urlsplit(url).port or 5672)
        self.is_mute = True

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        if way is Way.UP:
            await super()._pump(reader, writer, way)
            return
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(_HEAD.size)
                kind, _, size = _HEAD.unpack(head)
                rest = await reader.readexactly(size + 1)
                if not (self.is_mute and kind == _METHOD and rest.startswith(_ACK)):
                    writer.write(head + rest)
                    await writer.drain()

    def speak(self) -> None:
        """Passes on the confirms of what is sent from now on, on new connections."""
        self.is_mute = False
        self.reset()
