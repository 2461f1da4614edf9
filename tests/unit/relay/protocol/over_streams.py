"""The protocol over streams: the relay's real publisher, encoder, leaders and declarations, on links of the model."""

from enum import Enum
from types import SimpleNamespace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from infirmary_relay.streams import declarations, leaders, publisher
from infirmary_relay.streams.publisher import StreamPublisher
from infirmary_streams import codes
from tests.unit.relay.protocol.broker import Broker
from tests.unit.relay.protocol.machine import Protocol
from tests.unit.relay.protocol.stream_broker import StreamBroker
from tests.unit.relay.protocol.stream_links import ModelLink


class Ends(Enum):
    """Why the broker ends publishers."""

    LEADER_STARTS_AGAIN = "the leader starts again"
    LEADER_MOVES = "the leader moves"
    LOG_IS_DELETED = "the log is deleted"


class OverStreams(Protocol):
    """Beside what may happen anyway, the broker may end publishers: with their log, or because its leader moves."""

    publisher: type[StreamPublisher] = StreamPublisher
    broker: StreamBroker

    def __init__(self) -> None:
        super().__init__()
        self.broker.may_repeat = self.may_repeat
        self.put(publisher, "Link", ModelLink)
        self.put(leaders, "Conversation", self.broker.conversation)
        self.put(declarations, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep))

    def new_broker(self) -> Broker:
        return StreamBroker(self.publisher)

    @precondition(lambda self: self.broker.has_log and not self.broker.is_another)
    @rule(why=st.sampled_from(Ends), comes=st.booleans(), keeps=st.booleans(), confirms_late=st.booleans())
    def all_publishers_are_ended(self, why: Ends, comes: bool, keeps: bool, confirms_late: bool) -> None:
        """What was on its way may have come before; what is confirmed of a deleted log a reader has already."""
        if comes and self.broker.is_up:
            self.broker.takes_all()
        for connected in self.open_connections():
            self.may_be_sent_again(connected)
        if why is Ends.LOG_IS_DELETED:
            self.broker.loses_log(confirms_late=confirms_late)
            return
        if why is Ends.LEADER_MOVES:
            self.broker.moves_leader()
        self.broker.ends_publishers(codes.STREAM_NOT_AVAILABLE, keeps=keeps, confirms_late=confirms_late)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
