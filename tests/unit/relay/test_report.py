"""What the relay tells of itself, and how often."""

from typing import cast

from infirmary_relay.backoff import Backoffs, BackoffTimes
from infirmary_relay.broker.publisher import Publisher
from infirmary_relay.health import Health
from infirmary_relay.progress import Progress
from infirmary_relay.reconnect import Reconnecting
from infirmary_relay.report import Report
from infirmary_relay.sources.source import Source

STALLED_S, LIVES_S = 60.0, 0.03
TIMES = BackoffTimes()


class Seen(Progress):
    """Progress that is told of what could be delivered, and remembers it."""

    def __init__(self) -> None:
        super().__init__(STALLED_S, 0)
        self.could: list[bool] = []

    def iterated(self, now: float, *, could_deliver: bool) -> None:
        self.could.append(could_deliver)
        super().iterated(now, could_deliver=could_deliver)


def test_progress_is_told_of_every_iteration_however_soon_it_follows() -> None:
    progress = Seen()
    report = Report(Health(), progress)
    nowhere = Reconnecting[Source]("source", lambda: cast("Source", None), TIMES)
    no_broker = Reconnecting[Publisher]("broker", lambda: cast("Publisher", None), TIMES)
    for number in range(10):
        report.iterated(nowhere, no_broker, Backoffs(TIMES), 1000 + number * LIVES_S)
    assert progress.could == [False] * 10
