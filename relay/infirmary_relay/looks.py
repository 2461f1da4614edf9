"""Was a target still what its name says when the broker confirmed what was sent to it?

A queue may be deleted, and another of its name declared, while the relay is connected: the broker confirms what the
wrong one takes. So what is confirmed waits, before it is deleted, for a look at its target that began after that.
Under load not every window can have its own: then a look counts for what is confirmed within `_EVERY_S` of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from infirmary_relay.broker.declarer import IS_THERE, Unanswered
from infirmary_relay.broker.errors import BrokerLostError

_EVERY_S = 0.1
_AT_ONCE = 4
"""How many looks may follow each other without a pause, so that what is sent now and then always has its own."""
_LONGEST_S = 5.0
"""How long what is confirmed waits for a look."""
_PAUSE_S = 0.05
"""From a look that could find out nothing to the next."""
_MOST_WINDOWS = 16
"""More than wait at the same time, each for one look at the most."""


@dataclass
class _Looks:
    """The looks at one target: they are numbered, and `asked` is the last one that is wanted."""

    allowed: float = _AT_ONCE
    allowed_at: float = 0.0
    asked: int = 0
    running: int = 0
    """The look whose answer is awaited; 0 for none."""
    not_before: float = 0.0
    answered_to: int = 0
    answers: dict[int, str] = field(default_factory=dict)
    """What the last looks have found."""

    @property
    def is_wrong(self) -> bool:
        """Whether the last look has found that the target is another."""
        return self.answers.get(self.asked, IS_THERE) != IS_THERE

    def want(self, now: float) -> None:
        """Wants another look, unless there have been so many that the last one counts, or it found another target.

        What is confirmed after that, and was sent before, has been confirmed by the other.
        """
        if self.is_wrong:
            return
        self.allowed = min(_AT_ONCE, self.allowed + (now - self.allowed_at) / _EVERY_S)
        self.allowed_at = now
        if self.allowed >= 1:
            self.allowed -= 1
            self.asked += 1

    def answered(self, answer: str, now: float) -> None:
        """Notes what the running look has found; what could not be found out is asked again."""
        if isinstance(answer, Unanswered):
            self.not_before = now + _PAUSE_S
        else:
            to = self.running if answer == IS_THERE else self.asked
            self.note(to, answer)
        self.running = 0

    def note(self, to: int, answer: str) -> None:
        """Notes what the looks up to this one have found, and forgets what nobody can wait for any more."""
        self.answers |= dict.fromkeys(range(self.answered_to + 1, to + 1), answer)
        self.answered_to = to
        for number in [each for each in self.answers if each <= to - _MOST_WINDOWS]:
            del self.answers[number]


class Looks:
    """What the loop knows of the targets of what was confirmed; times are those of one monotonic clock, in seconds."""

    def __init__(self, ask: Callable[[str], str | None]) -> None:
        """Takes what begins a look, or gives the answer of one that has ended: `Declarer.ask`."""
        self._ask = ask
        self._targets: dict[str, _Looks] = {}
        self._waited_for: tuple[str, float] | None = None

    def want(self, targets: Iterable[str], now: float) -> dict[str, int]:
        """Begins looks at the targets of what was just confirmed; gives the number that each must come to."""
        wanted = {}
        for target in targets:
            looks = self._targets.setdefault(target, _Looks())
            looks.want(now)
            wanted[target] = looks.asked
            self._go_on(target, looks, now)
        return wanted

    def found(self, wanted: dict[str, int], now: float) -> dict[str, str] | None:
        """Which of the targets cannot be used, and why; None while a look is awaited.

        Raises:
            BrokerLostError: it has been awaited for too long.
        """
        wrong = {}
        for target, number in wanted.items():
            looks = self._targets[target]
            self._go_on(target, looks, now)
            if number > looks.answered_to:
                self._wait(target, now)
                return None
            if looks.answers.get(number, IS_THERE) != IS_THERE:
                wrong[target] = looks.answers[number]
        self._waited_for = None
        return wrong

    def right(self, target: str) -> None:
        """Notes that somebody else has just found a target to be what its name says, after nothing was sent to it."""
        looks = self._targets.get(target)
        if looks is not None and looks.is_wrong:
            looks.asked += 1
            looks.note(looks.asked, IS_THERE)

    def reset_in_flight(self) -> None:
        """Notes that nobody waits any more: the connection on which something was confirmed was lost."""
        self._waited_for = None
        for target in self._targets:
            self.right(target)

    def _go_on(self, target: str, looks: _Looks, now: float) -> None:
        """Hears the look that runs, and begins the one that is wanted after it."""
        while looks.asked > looks.answered_to and now >= looks.not_before:
            looks.running = looks.running or looks.asked
            answer = self._ask(target)
            if answer is None:
                return
            looks.answered(answer, now)

    def _wait(self, target: str, now: float) -> None:
        if self._waited_for is None:
            self._waited_for = target, now
        target, since = self._waited_for
        if now - since > _LONGEST_S:
            self._waited_for = None
            raise BrokerLostError(f"what is confirmed waits for a look at {target} since {_LONGEST_S:.0f} s")
