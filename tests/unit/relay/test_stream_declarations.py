"""A log that is missing is declared, and of one that cannot be used it is said why."""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.targets import LogLimits
from infirmary_relay.streams import declarations
from infirmary_relay.streams.declarations import StreamDeclarations
from infirmary_streams import codes
from infirmary_streams.commands import Endpoint, Placement
from infirmary_streams.errors import RefusedError, StreamLostError

LOG, COMMANDS = "ward.events", "ward.to.lab"
ONE = Endpoint("one", 5552)
MISSING, THERE = Placement(codes.NO_SUCH_STREAM), Placement(codes.OK, ONE)
ELECTING = Placement(codes.STREAM_NOT_AVAILABLE)


class Broker:
    """Says where a log is, one answer after the other; takes what it is asked to make."""

    def __init__(self, *placements: Placement) -> None:
        self.placed = list(placements)
        self.made: dict[str, Mapping[str, str]] = {}
        self.refuses: dict[str, int] = {}
        self.found_at: dict[str, Endpoint] = {}
        self.is_lost = self.is_closed = False

    def placements(self, stream: str) -> dict[str, Placement]:
        if self.is_lost:
            raise StreamLostError("it is gone")
        return {stream: self.placed.pop(0) if len(self.placed) > 1 else self.placed[0]}

    def create(self, stream: str, arguments: Mapping[str, str]) -> None:
        self._refuse(stream, "create")
        self.made[stream] = arguments

    def may_publish(self, stream: str) -> None:
        self._refuse(stream, "publish")

    def found(self, stream: str, leader: Endpoint) -> None:
        if "leader" in self.refuses:
            raise StreamLostError("the leader's node cannot be reached")
        self.found_at[stream] = leader

    def close(self) -> None:
        self.is_closed = True

    def declare(self, target: str = LOG) -> str | None:
        declaring = StreamDeclarations(self, self, LogLimits("30D", 1_000_000))  # type: ignore[arg-type]
        return declaring.declare(target)

    def _refuse(self, stream: str, what: str) -> None:
        if what in self.refuses:
            raise RefusedError(stream, self.refuses[what])


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(s=0.0)

    def sleep(seconds: float) -> None:
        now.s += seconds

    monkeypatch.setattr(declarations, "time", SimpleNamespace(monotonic=lambda: now.s, sleep=sleep))


def test_a_log_that_is_there_is_left_as_it_is() -> None:
    broker = Broker(THERE)
    assert broker.declare() is None
    assert (broker.made, broker.found_at) == ({}, {LOG: ONE})


@pytest.mark.parametrize(
    ("target", "arguments"),
    [(LOG, {"max-age": "30D", "max-length-bytes": "1000000"}), (COMMANDS, {"max-age": "30D"})],
)
def test_a_log_that_is_missing_is_made_with_its_limits(target: str, arguments: dict[str, str]) -> None:
    broker = Broker(MISSING, ELECTING, THERE)
    assert broker.declare(target) is None
    assert broker.made == {target: arguments}
    assert broker.found_at == {target: ONE}


@pytest.mark.parametrize("code", [codes.STREAM_EXISTS, codes.PRECONDITION_FAILED])
def test_a_log_that_somebody_else_made_meanwhile_is_taken(code: int) -> None:
    broker = Broker(MISSING, THERE)
    broker.refuses["create"] = code
    assert broker.declare() is None


@pytest.mark.parametrize("code", [codes.STREAM_EXISTS, codes.PRECONDITION_FAILED])
def test_a_queue_of_the_logs_name_is_told(code: int) -> None:
    broker = Broker(MISSING)
    broker.refuses["create"] = code
    assert broker.declare() == f"{LOG} is not what its name says: it exists, and is no log"


def test_a_log_that_may_not_be_made_is_told() -> None:
    broker = Broker(MISSING)
    broker.refuses["create"] = codes.ACCESS_REFUSED
    assert broker.declare() == f"{LOG} does not exist, and may not be declared: access refused"


def test_a_log_that_may_not_be_written_is_told() -> None:
    broker = Broker(THERE)
    broker.refuses["publish"] = codes.ACCESS_REFUSED
    assert broker.declare() == f"it cannot be written: {LOG}: access refused"


def test_a_log_that_gets_no_leader_is_told() -> None:
    assert Broker(ELECTING).declare() == f"{LOG} has no leader now: stream is not available"


@pytest.mark.parametrize("fault", ["leader", "connection"])
def test_what_cannot_be_found_out_is_said_of_no_log(fault: str) -> None:
    broker = Broker(THERE)
    broker.refuses |= {fault: 0}
    broker.is_lost = fault == "connection"
    with pytest.raises(BrokerLostError, match=f"declaring {LOG} failed: "):
        broker.declare()
