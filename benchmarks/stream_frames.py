"""The ceiling of a relay's stream side: a client that only writes prebuilt frames and reads the confirms."""

import select
import time

import psycopg

from benchmarks.frames_client import BUFFER_MESSAGES, Published
from infirmary_relay.streams.encoder import Encoder
from infirmary_streams import codes, commands, publishing
from infirmary_streams.address import StreamAddress
from infirmary_streams.conversation import Conversation
from infirmary_streams.link import Link

_PUBLISHER = 0


def publish_prebuilt(
    database_url: str, rabbitmq_url: str, stream_port: int, target: str, count: int, in_flight: int
) -> Published:
    """Builds the frames of the prepared rows, then writes them with so many unconfirmed at the most."""
    address = StreamAddress.beside(rabbitmq_url, stream_port)
    link = Link(Conversation(address, name="benchmark frames", timeout_s=30.0))
    link.write(commands.declare_publisher(1, _PUBLISHER, target))
    buffers = _buffers(database_url, target, count, link.frame_max)
    sent = confirmed = 0
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    while confirmed < count:
        while sent < count and sent - confirmed + BUFFER_MESSAGES <= in_flight and not link.has_unwritten:
            link.write(buffers[sent // BUFFER_MESSAGES])
            sent += BUFFER_MESSAGES
        select.select([link], [link] if link.has_unwritten else [], [], 5.0)
        for key, payload in link.frames():
            if key == codes.PUBLISH_CONFIRM:
                confirmed += len(publishing.confirmed(payload)[1])
            elif key == codes.PUBLISH_ERROR:
                raise RuntimeError(f"the broker takes no frames: {publishing.failed(payload)}")
    elapsed_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    link.close()
    return Published(count / elapsed_s, cpu_s / count * 1e6)


def _buffers(database_url: str, target: str, count: int, frame_max: int) -> list[bytes]:
    with psycopg.connect(database_url) as database:
        rows = database.execute(
            "SELECT position, %s, subject, message_id, header, body FROM prepared ORDER BY position LIMIT %s",
            (target, count),
            binary=True,
        ).fetchall()
    encoder = Encoder(frame_max)
    buffers = []
    for at in range(0, count, BUFFER_MESSAGES):
        encoded = encoder.encode(rows[at : at + BUFFER_MESSAGES], at + 1)
        buffers.append(b"".join(encoder.frames(_PUBLISHER, encoded.entries[target])))
    return buffers
