"""A broker that takes everything and says nothing of it: a proxy in front of the real one that keeps its confirms."""

import asyncio
import contextlib
import struct
from abc import abstractmethod
from urllib.parse import urlsplit

from infirmary_streams import codes
from tests.chaos.proxy import Proxy, Way
from tests.integration.relay.broker import Broker

_FRAME_END_BYTES = 1
_AMQP_HEAD = struct.Struct(">BHI")
_STREAM_HEAD = struct.Struct(">IHH")
_METHOD, _ACK = 1, struct.pack(">HH", 60, 80)


class MuteBroker(Proxy):
    """Passes everything on except confirms, until it is told to `speak`."""

    is_mute = True
    kept = 0
    """How many confirms it has kept to itself."""

    @abstractmethod
    async def _frame(self, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
        """Reads the next frame; says whether it is a confirm."""

    @abstractmethod
    def settings(self, broker: Broker) -> dict[str, str]:
        """Returns what a relay is told so that it confirms through here."""

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        if way is Way.UP:
            await super()._pump(reader, writer, way)
            return
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                frame, is_confirm = await self._frame(reader)
                if is_confirm and self.is_mute:
                    self.kept += 1
                    continue
                await self._pass_on_frame(frame, writer)

    async def _pass_on_frame(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(frame)
        await writer.drain()

    def speak(self) -> None:
        """Passes on the confirms of what is sent from now on, on new connections."""
        self.is_mute = False
        self.reset()


class MuteQueues(MuteBroker):
    """Before AMQP's listener: keeps `basic.ack`."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(urlsplit(broker.url).port or 5672)

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
        head = await reader.readexactly(_AMQP_HEAD.size)
        kind, _, size = _AMQP_HEAD.unpack(head)
        rest = await reader.readexactly(size + _FRAME_END_BYTES)
        return head + rest, kind == _METHOD and rest.startswith(_ACK)

    def settings(self, broker: Broker) -> dict[str, str]:
        return {"RABBITMQ_URL": self.url(broker.url), "RABBITMQ_STREAM_PORT": "0"}


class MuteStreams(MuteBroker):
    """Before the listener of the stream protocol: keeps `PublishConfirm`."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker.stream_port)

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
        head = await reader.readexactly(_STREAM_HEAD.size)
        size, key, _version = _STREAM_HEAD.unpack(head)
        rest = await reader.readexactly(4 + size - _STREAM_HEAD.size)
        return head + rest, key == codes.PUBLISH_CONFIRM

    def settings(self, broker: Broker) -> dict[str, str]:
        return {"RABBITMQ_URL": broker.url, "RABBITMQ_STREAM_PORT": str(self.port)}
