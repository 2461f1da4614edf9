"""From any backup, the commands that a saga has sent and its end, in whatever order, bring it to where it was."""

from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from infirmary.messages import Command, sends
from infirmary.restoring.sagas import Asked, Ended, after_asking, after_ending
from infirmary.saga.advance import Happened, Replied, Resumed, Started, TimedOut, advance, initial
from infirmary.saga.definition import Saga, Step
from infirmary.saga.state import SagaState


@sends("ward")
class Do(Command):
    pass


@sends("ward")
class Undo(Command):
    pass


class Nothing(BaseModel):
    pass


SAGA = Saga(
    "trip",
    Nothing,
    Step("a", Do, compensation=Undo),
    Step("look", Do),
    Step("b", Do, compensation=Undo),
    Step("c", Do, compensation=Undo, pivot=True),
    Step("d", Do, retriable=True),
)
BEGIN = datetime(2026, 11, 26, tzinfo=UTC)

Told = Asked | Ended
History = list[tuple[SagaState, Told | None]]
"""Each state, and what was told when the saga came to it."""


def happenings(state: SagaState) -> st.SearchStrategy[Happened]:
    """What may happen to a saga; mostly something that concerns it."""
    asked = state.asked_for()
    reply = st.sampled_from([Replied(asked, "done"), Replied(asked, "done"), Replied(asked, "refused")])
    return reply | st.just(TimedOut()) if state.status != "parked" else st.just(Resumed())


def lived(data: st.DataObject) -> History:
    """Returns the life of a saga, as the state machine leads it."""
    clock = (BEGIN + timedelta(seconds=second) for second in count())
    first = initial(SAGA)
    history: History = [(first, None)]
    happened: Happened = Started()
    for _ in range(data.draw(st.integers(1, 40))):
        now = next(clock)
        after = advance(SAGA, history[-1][0], happened, now)
        told: Told | None = None
        if after.ask is not None:
            told = Asked(after.ask.step.name, after.ask.undo, after.ask.attempt, now)
        elif after.state.has_ended():
            told = Ended(after.state.reason if after.state.status == "failed" else None, now)
        history.append((after.state, told))
        if after.state.has_ended():
            break
        happened = data.draw(happenings(after.state))
    return history


def in_another_order(told: list[Told], data: st.DataObject) -> list[Told]:
    """Mixes what is told as several logs may: what is about one step comes from one log."""
    about = [(each.step, each.undo) if isinstance(each, Asked) else None for each in told]
    left = {key: [each for each, its in zip(told, about, strict=True) if its == key] for key in about}
    return [left[key].pop(0) for key in data.draw(st.permutations(about))]


def seen(state: SagaState) -> tuple[object, ...]:
    """Returns all that the commands tell; whether a step that cannot be undone was refused or silent they do not."""
    steps = [(step.name, "refused" if step.state == "in doubt" else step.state) for step in state.steps]
    where = None if state.has_ended() else (state.current_step, state.undoing, state.attempt, state.current_since)
    return state.status, steps, where


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_saga_is_where_it_was_when_it_sent_its_last_command(data: st.DataObject) -> None:
    history = lived(data)
    backup = data.draw(st.integers(0, len(history) - 1))
    since = [(state, told) for state, told in history[backup + 1 :] if told is not None]
    state = history[backup][0]
    for told in in_another_order([told for _, told in since], data):
        state = after_ending(state, told) if isinstance(told, Ended) else after_asking(state, told)
    expected = since[-1][0] if since else history[backup][0]
    assert seen(state) == seen(expected)


def test_why_a_saga_is_undone_is_told_as_far_as_its_commands_tell_it() -> None:
    silent = after_asking(after_asking(initial(SAGA), Asked("a", False, 6, BEGIN)), Asked("a", True, 1, BEGIN))
    assert silent.reason == "a does not answer"
    refused = after_asking(after_asking(initial(SAGA), Asked("look", False, 1, BEGIN)), Asked("a", True, 1, BEGIN))
    assert refused.reason == "look was refused"
    knew = refused.model_copy(update={"failure": "there is no bed"})
    assert after_asking(knew, Asked("a", True, 2, BEGIN)).reason == "there is no bed"
    assert after_ending(knew, Ended("no bed at all", BEGIN)).reason == "no bed at all"
