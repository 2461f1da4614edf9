"""A saga's state as databases have it, for this release, and for those that knew no versions."""

import pytest
from hypothesis import given
from pydantic import ValidationError

from infirmary.saga.state import SagaState
from tests.unit.infirmary.saga_script import Run
from tests.unit.infirmary.test_saga_histories import History, histories, replay


@given(histories)
def test_a_state_is_read_back_as_it_was_stored_whatever_the_version(history: History) -> None:
    run = Run()
    for _ in replay(run, history):
        for version in (1, 2):
            assert SagaState.model_validate(run.state.stored(version)) == run.state


@given(histories)
def test_a_saga_of_the_first_version_is_handed_to_and_fro_with_a_release_that_knows_places_only(
    history: History,
) -> None:
    run = Run()
    for _ in replay(run, history):
        stored = run.state.stored(version=1)
        assert stored["steps"][stored["hand"]]["name"] == run.state.current_step
        by_place = {name: value for name, value in stored.items() if name != "step"}
        assert SagaState.model_validate(by_place) == run.state


def test_a_release_that_knows_places_only_finds_no_step_in_a_later_versions_place() -> None:
    run = Run()
    run.done()
    stored = run.state.stored(version=2)
    with pytest.raises(IndexError):
        stored["steps"][stored["hand"]]
    assert stored["step"] == "admission"


def test_a_place_that_is_none_is_no_state() -> None:
    stored = Run().state.stored(version=1)
    del stored["step"]
    for place in (-1, len(stored["steps"])):
        with pytest.raises(ValidationError, match="the current step is number"):
            SagaState.model_validate(stored | {"hand": place})
