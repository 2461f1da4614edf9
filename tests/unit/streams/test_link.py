"""An open connection neither waits nor loses a byte, and says how it ended."""

import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams import codes, transport
from infirmary_streams.errors import BrokerClosedError, StreamLostError
from infirmary_streams.frames import FrameReader
from infirmary_streams.link import Link
from infirmary_streams.transport import Transport
from tests.unit.streams.described import frame, read, string, u16, u32

CONFIRM = codes.PUBLISH_CONFIRM


class Opened:
    """A conversation that has logged in, as far as a link looks at it."""

    frame_max, advertised = 1 << 20, None

    def __init__(self, connected: socket.socket, ahead: list[tuple[int, bytes]], rest: bytes) -> None:
        self._given = connected, FrameReader(), ahead
        self._given[1].feed(rest)

    def detach(self) -> tuple[socket.socket, FrameReader, list[tuple[int, bytes]]]:
        return self._given


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What time it is for a link; `now` may be set."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, brokers = socket.socketpair()
    with ours, brokers:
        brokers.settimeout(5)
        yield ours, brokers


def opened(ours: socket.socket, ahead: list[tuple[int, bytes]] | None = None, rest: bytes = b"") -> Link:
    return Link(Opened(ours, ahead or [], rest))  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 200_000), max_size=8))
def test_what_is_written_comes_whole_and_in_its_order(sizes: list[int]) -> None:
    ours, brokers = socket.socketpair()
    with ours, brokers:
        brokers.setblocking(False)
        writing, sent, got = Transport(ours, b""), b"", b""
        for at, size in enumerate(sizes):
            piece = bytes((at,)) * size
            writing.write(piece)
            sent += piece
        give_up_at = time.monotonic() + 20
        while len(got) < len(sent) and time.monotonic() < give_up_at:
            got += brokers.recv(70_000)
            assert writing.exchange() == b""
        assert got == sent
        assert not writing.has_unwritten


def test_a_broker_that_reads_nothing_holds_nobody_up(ends: tuple[socket.socket, socket.socket]) -> None:
    link = opened(ends[0])
    link.write(bytes(1 << 23))
    assert link.has_unwritten
    assert list(link.frames()) == []


def test_what_was_read_ahead_comes_first(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, brokers = ends
    whole = frame(CONFIRM, b"second")
    link = opened(ours, ahead=[(CONFIRM, b"first")], rest=whole[:7])
    brokers.sendall(whole[7:] + frame(codes.HEARTBEAT) + frame(CONFIRM, b"third"))
    assert list(link.frames()) == [(CONFIRM, b"first"), (CONFIRM, b"second"), (CONFIRM, b"third")]
    assert list(link.frames()) == []


def test_what_came_before_the_end_is_read_first(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, brokers = ends
    link = opened(ours)
    brokers.sendall(frame(CONFIRM, b"last"))
    brokers.close()
    assert list(link.frames()) == [(CONFIRM, b"last")]
    with pytest.raises(StreamLostError, match="the broker closed the connection"):
        list(link.frames())


def test_the_brokers_goodbye_is_answered_and_told(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, brokers = ends
    link = opened(ours)
    brokers.sendall(frame(codes.CLOSE, u32(9) + u16(codes.FRAME_TOO_LARGE) + string("too large")))
    with pytest.raises(BrokerClosedError, match="14 too large") as told:
        list(link.frames())
    assert told.value.code == codes.FRAME_TOO_LARGE
    assert read(brokers.recv(100)) == {"command": "close answered", "correlation": 9, "code": 1}


@pytest.mark.parametrize("nonsense", [u32(2), frame(codes.CLOSE, b"")])
def test_nonsense_ends_the_connection(ends: tuple[socket.socket, socket.socket], nonsense: bytes) -> None:
    link = opened(ends[0])
    ends[1].sendall(nonsense)
    with pytest.raises(StreamLostError, match="no frame"):
        list(link.frames())


def test_heartbeats_are_sent_when_nothing_else_is(
    ends: tuple[socket.socket, socket.socket], clock: SimpleNamespace
) -> None:
    ours, brokers = ends
    link = opened(ours)
    clock.now += 4
    link.write(b"anything")
    clock.now += 4
    list(link.frames())
    assert brokers.recv(100) == b"anything"
    clock.now += 2
    list(link.frames())
    assert read(brokers.recv(100)) == {"command": "heartbeat"}


def test_a_broker_that_is_silent_for_two_heartbeats_is_lost(
    ends: tuple[socket.socket, socket.socket], clock: SimpleNamespace
) -> None:
    ours, brokers = ends
    link = opened(ours)
    clock.now += 19
    brokers.sendall(frame(codes.HEARTBEAT))
    list(link.frames())
    clock.now += 20
    list(link.frames())
    clock.now += 1
    with pytest.raises(StreamLostError, match="silent for 20 s"):
        list(link.frames())


def test_a_pause_of_our_own_is_no_silence_of_the_broker(
    ends: tuple[socket.socket, socket.socket], clock: SimpleNamespace
) -> None:
    ours, brokers = ends
    link = opened(ours)
    brokers.sendall(frame(codes.HEARTBEAT))
    clock.now += 3600
    assert list(link.frames()) == []


def test_a_connection_that_is_gone_is_told_when_written_to(ends: tuple[socket.socket, socket.socket]) -> None:
    link = opened(ends[0])
    ends[1].close()
    with pytest.raises(StreamLostError, match="writing to the broker failed"):
        link.write(b"late")


def test_goodbye_is_said_and_not_waited_for(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, brokers = ends
    opened(ours).close()
    said = read(brokers.recv(100))
    assert (said["command"], said["code"]) == ("close", codes.OK)
    assert brokers.recv(100) == b""
