"""A whole conversation is recorded, and another client's decoder reads every frame of it.

Wireshark does not know the protocol (4.0); rstream's tables of fields are the next best.
"""

import asyncio
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from infirmary_streams import chunks, codes, commands
from infirmary_streams.conversation import Conversation
from tests.chaos.proxy import Proxy, Way
from tests.eventually import eventually
from tests.integration.streams.client import SUBSCRIPTION, TIMEOUT_S, Client
from tests.integration.streams.node import StreamNode
from tests.integration.streams.test_amqp_0_9_1 import written

encoding = pytest.importorskip("rstream.encoding", reason="rstream is not installed: `make setup`")

ASKED = {
    "PeerProperties", "SaslHandshake", "SaslAuthenticate", "Tune", "Open", "Create", "Delete", "Metadata",
    "DeclarePublisher", "DeletePublisher", "Publish", "Subscribe", "Unsubscribe", "Credit", "Close",
}  # fmt: skip
SAID = {
    "PeerPropertiesResponse", "SaslHandshakeResponse", "SaslAuthenticateResponse", "Tune", "OpenResponse",
    "CreateResponse", "DeleteResponse", "MetadataResponse", "MetadataUpdate", "DeclarePublisherResponse",
    "DeletePublisherResponse", "PublishConfirm", "PublishError", "SubscribeResponse", "UnsubscribeResponse",
    "Deliver", "CloseResponse",
}  # fmt: skip


class Recorder(Proxy):
    """Passes everything on, and keeps it.

    Attributes:
        recorded: The bytes of each connection and direction.
    """

    def __init__(self, server_port: int) -> None:
        super().__init__(server_port)
        self.recorded: dict[tuple[int, Way], bytearray] = {}
        self._numbers = count()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        kept = self.recorded.setdefault((next(self._numbers), way), bytearray())
        while data := await reader.read(1 << 16):
            kept += data
            writer.write(data)
            await writer.drain()

    def frames(self, way: Way) -> list[bytes]:
        """Every frame that went in a direction, without its size."""
        found = []
        for _, data in [each for each in self.recorded.items() if each[0][1] is way]:
            rest = bytes(data)
            while rest:
                size = int.from_bytes(rest[:4], "big")
                assert len(rest) >= 4 + size
                found.append(rest[4 : 4 + size])
                rest = rest[4 + size :]
        return found


def converse(node: StreamNode, port: int) -> None:
    """Says everything that there is to say."""
    address = replace(node.address(), port=port)
    with Conversation(address, name="recorded", timeout_s=TIMEOUT_S) as conversation, Client(address) as client:
        conversation.create("ward.events", {"max-age": "7D"})
        conversation.placements("ward.events", "nowhere")
        client.publish({7: b"without a publisher"})
        client.wait_for(codes.PUBLISH_ERROR)
        client.write("ward.events", written(), written())
        client.read("ward.events", 2)
        client.ask(chunks.subscribe, SUBSCRIPTION, "ward.events", chunks.NEXT, 1)
        conversation.delete("ward.events")
        client.wait_for(codes.METADATA_UPDATE)


def decoded(frame: bytes) -> Any:
    return encoding.decode_frame(frame)


def names(frames: list[bytes]) -> set[str]:
    return {type(decoded(frame)).__name__ for frame in frames}


def test_another_decoder_reads_every_frame_of_a_conversation(node: StreamNode) -> None:
    with Recorder(node.stream_port) as recorder:
        converse(node, recorder.port)
        eventually(lambda: names(recorder.frames(Way.DOWN)) >= SAID, because="the broker says all of this")
        asked = recorder.frames(Way.UP)
    assert names(asked) == ASKED


def test_another_encoder_asks_in_the_same_bytes(node: StreamNode) -> None:
    with Recorder(node.stream_port) as recorder:
        converse(node, recorder.port)
        asked = recorder.frames(Way.UP)
    for frame in asked:
        assert encoding.encode_frame(decoded(frame)) == len(frame).to_bytes(4, "big") + frame


def test_the_decoder_notices_what_is_wrong() -> None:
    right = commands.create(1, "log", {"max-age": "7D"})[4:]
    assert decoded(right).stream == "log"
    with pytest.raises(ValueError, match="Could not decode"):
        decoded(right + b"\x00")
