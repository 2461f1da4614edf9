"""The policy for a log's messages, whatever comes when, and whatever fails: each is applied once, and in order."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid4, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.position import Position
from infirmary.consumer.series import ConsumerSeries
from infirmary.handlers import Handlers
from infirmary.identifiers import new_id
from infirmary.transport.envelope import Incoming, MalformedMessage
from tests.unit.infirmary.memory_store import MemoryStore, PassingError

EVENTS, COMMANDS = "ward.events", "admission.to.memory"
SUBJECTS = tuple(str(new_id()) for _ in range(3))
"""They all begin now."""

LENGTH = 4

Place = tuple[str, int]
places = st.tuples(st.sampled_from(SUBJECTS), st.integers(1, LENGTH))
faults = st.sampled_from([RuntimeError("a bug"), PassingError("it passes"), MalformedMessage("unreadable")])
batches = st.lists(places, min_size=1, max_size=5)
steps = st.lists(st.sampled_from(["one", "two", "one.compensation", "two.compensation"]), min_size=12, max_size=12)


SERIES = ConsumerSeries(Handlers("reading"))


@dataclass
class Reading:
    """A log that is read into memory.

    Attributes:
        steps: The saga step of each message of a log of commands.
        complete_since: Before this time messages of the log were lost.
        broken: What fails, and with what.
        came: What was delivered.
    """

    log: str
    steps: Sequence[str] = ("",) * 12
    complete_since: datetime | None = None
    broken: dict[Place, Exception] = field(default_factory=dict)
    came: set[Place] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self._handle)
        self._applier = Applier(self.store, lambda _: True, SERIES, 45.0)
        self._offsets, self._name_space = count(), uuid4()
        self._position = Position(first_offset=0, complete_since=self.complete_since)

    def _handle(self, message: Incoming) -> None:
        if error := self.broken.get((message.subject, message.sequence or 0)):
            raise error

    def read(self, batch: Sequence[Place]) -> None:
        """Applies a batch; after an error that passes it comes again, when the error has."""
        deliveries = [self._delivery(place) for place in batch]
        try:
            self._position = self._applier.apply(self.log, deliveries, self._position)
        except PassingError:
            self._heal(PassingError)
            self._position = self._applier.apply(self.log, deliveries, self._position)
        self.came |= set(batch)

    def retry(self) -> None:
        """Tries what is held until nothing more is settled."""
        try:
            while self._applier.retry(self.log, self._position):
                pass
        except PassingError:
            self._heal(PassingError)
            self.retry()

    def _heal(self, kind: type[Exception]) -> None:
        self.broken = {place: error for place, error in self.broken.items() if not isinstance(error, kind)}

    def heal(self, *kinds: type[Exception]) -> None:
        """Ends faults, and lets what has failed be tried again."""
        for kind in kinds:
            self._heal(kind)
        self.retry()

    def step(self, place: Place) -> str:
        """Returns the step that a command is about."""
        return self.steps[SUBJECTS.index(place[0]) * LENGTH + place[1] - 1]

    def applied(self) -> dict[str, list[int]]:
        """Returns the sequences applied of each subject, in their order."""
        found = defaultdict[str, list[int]](list)
        for message in self.store.state.applied:
            found[message.subject].append(message.sequence or 0)
        return {subject: found[subject] for subject in SUBJECTS}

    def held(self) -> set[Place]:
        """Returns what is held."""
        return {(each.subject or "", each.sequence or 0) for each in self.store.state.held.values()}

    def _delivery(self, place: Place) -> Delivery:
        subject, sequence = place
        properties = {
            "message_id": str(self._id_of(place)),
            "app_id": self.log.split(".", maxsplit=1)[0],
            "type": "Told",
            "application_headers": {"subject": subject, "sequence": sequence},
        }
        return Delivery(properties, b'{"step": "%b"}' % self.step(place).encode(), 1, next(self._offsets))

    def _id_of(self, place: Place) -> UUID:
        return uuid5(self._name_space, repr(place))


lost = st.sampled_from([None, datetime(2000, 1, 1, tzinfo=UTC)])
"""What was lost of a log matters to no subject that began later."""

ALL = [(subject, number) for subject in SUBJECTS for number in range(1, LENGTH + 1)]


@settings(max_examples=100)
@given(
    arrivals=st.lists(st.tuples(batches, st.dictionaries(places, faults, max_size=2), st.booleans()), max_size=6),
    rest=st.permutations(ALL),
    complete_since=lost,
)
def test_events_are_applied_once_and_in_order_whatever_fails_meanwhile(
    arrivals: list[tuple[list[Place], dict[Place, Exception], bool]],
    rest: list[Place],
    complete_since: datetime | None,
) -> None:
    reading, ever_broken = Reading(EVENTS, complete_since=complete_since), set[str]()
    for batch, broken, heals in arrivals:
        reading.broken |= broken
        ever_broken |= {subject for subject, _ in broken}
        reading.read(batch)
        if heals:
            reading.heal(RuntimeError, MalformedMessage)
        reading.retry()
        for subject, applied in reading.applied().items():
            assert applied == list(range(1, len(applied) + 1))
            if subject not in ever_broken:
                follows = (subject, len(applied) + 1)
                assert follows not in reading.came, "what nothing hinders is applied at once"
    for begin in range(0, len(rest), 5):
        reading.read(rest[begin : begin + 5])
    reading.heal(RuntimeError, MalformedMessage)
    assert reading.applied() == {subject: list(range(1, LENGTH + 1)) for subject in SUBJECTS}
    assert reading.held() == set()


@settings(max_examples=100)
@given(
    steps=steps,
    arrivals=st.lists(st.tuples(batches, st.dictionaries(places, faults, max_size=2), st.booleans()), max_size=6),
    rest=st.permutations(ALL),
    complete_since=lost,
)
def test_commands_are_applied_once_and_in_order_unless_they_are_undone_first_or_cannot_be_read(
    steps: list[str],
    arrivals: list[tuple[list[Place], dict[Place, Exception], bool]],
    rest: list[Place],
    complete_since: datetime | None,
) -> None:
    reading, unreadable, ever_broken = Reading(COMMANDS, steps, complete_since), set[Place](), set[Place]()
    for batch, broken, heals in arrivals:
        reading.broken |= {place: error for place, error in broken.items() if place not in reading.broken}
        reading.read(batch)
        if heals:
            reading.heal(RuntimeError)
        ever_broken |= {place for place, error in broken.items() if not isinstance(error, MalformedMessage)}
        unreadable |= {place for place, error in broken.items() if isinstance(error, MalformedMessage)}
        reading.retry()
        check_order(reading)
        check_that_nothing_unreadable_hinders(reading, unreadable, ever_broken)
    for begin in range(0, len(rest), 5):
        reading.read(rest[begin : begin + 5])
    reading.heal(RuntimeError)
    check_order(reading)
    applied = {(subject, number) for subject, numbers in reading.applied().items() for number in numbers}
    for place in ALL:
        if place in applied:
            assert place not in reading.held()
        elif isinstance(reading.broken.get(place), MalformedMessage):
            assert place in reading.held() or was_undone(reading, place, applied)
        else:
            assert was_undone(reading, place, applied), "it was closed by the compensation of its step"
    reading.heal(MalformedMessage)
    assert reading.held() == set(), "what can be read after all is applied, although it was passed"
    assert all(len(applied) == len(set(applied)) for applied in reading.applied().values())


def check_order(reading: Reading) -> None:
    for applied in reading.applied().values():
        assert applied == sorted(set(applied))


def check_that_nothing_unreadable_hinders(reading: Reading, unreadable: set[Place], ever_broken: set[Place]) -> None:
    """Makes sure that what can be read is applied, up to the first of a saga that has failed otherwise."""
    for subject, applied in reading.applied().items():
        for number in range(1, LENGTH + 1):
            place = (subject, number)
            if place not in reading.came or place in ever_broken:
                break
            undone = was_undone(reading, place, {(subject, each) for each in applied})
            assert number in applied or place in unreadable or undone


def was_undone(reading: Reading, place: Place, applied: set[Place]) -> bool:
    """Says whether a command was made void by a later compensation of the same step."""
    step = reading.step(place).removesuffix(".compensation")
    later = {(place[0], number) for number in range(place[1] + 1, LENGTH + 1)} & applied
    return any(reading.step(each) == f"{step}.compensation" for each in later)
