"""The ceiling of a relay's broker side: a client that only writes prebuilt frames and reads the confirms."""

import select
import time
from dataclasses import dataclass

import psycopg

from benchmarks.version_1 import as_version_1
from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.handshake import CHANNEL
from infirmary_relay.broker.session import Session
from infirmary_relay.broker.wire import METHOD, Encoder

BUFFER_MESSAGES = 500
_ACK = b"\x00\x3c\x00\x50"


@dataclass(frozen=True)
class Published:
    """What came of it."""

    messages_per_s: float
    cpu_us_per_message: float


def publish_prebuilt(database_url: str, rabbitmq_url: str, target: str, count: int, in_flight: int) -> Published:
    """Builds the frames of the prepared rows, then writes them with so many unconfirmed at the most."""
    session = Session(BrokerAddress.parse(rabbitmq_url), name="benchmark frames")
    buffers = _buffers(database_url, target, count, session.frame_max)
    sent = confirmed = 0
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    while confirmed < count:
        while sent < count and sent - confirmed + BUFFER_MESSAGES <= in_flight and not session.has_unwritten:
            session.write(buffers[sent // BUFFER_MESSAGES])
            sent += BUFFER_MESSAGES
        select.select([session], [session] if session.has_unwritten else [], [], 5.0)
        for kind, payload in session.frames():
            if kind == METHOD and payload[:4] == _ACK:
                tag, multiple = int.from_bytes(payload[4:12], "big"), payload[12] & 1
                # One by one they may come in any order; there are then as many of them as messages.
                confirmed = max(confirmed, tag) if multiple else confirmed + 1
    elapsed_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    session.close()
    return Published(count / elapsed_s, cpu_s / count * 1e6)


def _buffers(database_url: str, target: str, count: int, frame_max: int) -> list[bytes]:
    with psycopg.connect(database_url) as database:
        rows = database.execute(
            "SELECT position, %s, subject, message_id, header, body FROM prepared ORDER BY position LIMIT %s",
            (target, count),
            binary=True,
        ).fetchall()
    rows = [(*row[:-2], as_version_1(row[-2], len(row[-1])), row[-1]) for row in rows]
    encoder = Encoder(CHANNEL, frame_max)
    return [encoder.encode(rows[at : at + BUFFER_MESSAGES]).buffer for at in range(0, count, BUFFER_MESSAGES)]
