"""A saga goes on by the version that it began with, whichever release takes it up; one that knows it not leaves it."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from psycopg.types.json import Jsonb

from infirmary.postgres.sagas.watch import SagaWatch
from infirmary.postgres.transaction import Query, transaction
from infirmary.saga.versions import UnknownVersion
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from tests.integration.conftest import NewDatabase
from tests.integration.upgrades.release import REPLIES, Release
from tests.integration.upgrades.stays import HOTEL


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    return new_database("prescription")


@pytest.fixture
def before(settings: Settings) -> Iterator[Release]:
    """A release that knows the first version only."""
    release = Release(settings, 1)
    yield release
    release.close()


@pytest.fixture
def after(settings: Settings, before: Release) -> Iterator[Release]:
    """The release after it, which has added two steps."""
    release = before.beside(settings, 1, 2)
    yield release
    release.close()


def test_the_next_release_carries_a_saga_on_by_the_version_that_it_began_with_and_so_does_the_one_before(
    before: Release, after: Release
) -> None:
    forward, back = before.start(), before.start()
    after.answered(forward, "bed")
    before.answered(forward, "bill")
    after.answered(back, "bed")
    after.answered(back, "bill", "refused")
    before.answered(back, "bed.compensation")
    assert (before.status(forward), before.asked(forward)) == ("completed", ["Reserve", "Charge"])
    assert (before.status(back), before.asked(back)) == ("failed", ["Reserve", "Charge", "Release"])


def test_a_saga_of_the_next_version_goes_through_the_steps_that_were_added(after: Release) -> None:
    saga_id = after.start()
    for step in ("medicine", "bed", "bill", "letter"):
        assert after.status(saga_id) == "running"
        after.answered(saga_id, step)
    assert (after.status(saga_id), after.asked(saga_id)) == ("completed", ["Prepare", "Reserve", "Charge", "Write"])


def test_a_release_that_does_not_know_a_sagas_version_leaves_it_to_one_that_does(
    before: Release, after: Release
) -> None:
    saga_id = after.start()
    after.answered(saga_id, "medicine")
    before.answered(saga_id, "bed")
    [(error,)] = before.database.execute("SELECT error FROM parked_message").fetchall()
    assert "put off, nothing is wrong with it" in error
    assert "version 2 of stay, which this release does not know" in error
    assert before.store.count(REPLIES).messages == {"waiting": 1}
    assert before.silence() == 0
    assert before.asked(saga_id) == ["Prepare", "Reserve"]
    before.retry()
    assert before.status(saga_id) == "running"
    after.retry()
    assert after.asked(saga_id) == ["Prepare", "Reserve", "Charge"]
    assert after.silence() == 1
    assert after.asked(saga_id) == ["Prepare", "Reserve", "Charge", "Charge"]


def test_a_late_reply_to_a_saga_that_has_ended_is_not_held_whatever_it_went_by(before: Release, after: Release) -> None:
    saga_id = after.start()
    for step in ("medicine", "bed", "bill", "letter"):
        after.answered(saga_id, step)
    before.answered(saga_id, "bill")
    assert before.database.execute("SELECT count(*) FROM parked_message").fetchone() == (0,)


def test_a_saga_of_a_release_that_knew_no_versions_goes_on(before: Release, after: Release) -> None:
    saga_id = before.start()
    before.answered(saga_id, "bed")
    [(state,)] = before.database.execute("SELECT state FROM saga").fetchall()
    del state["step"]
    before.database.execute("UPDATE saga SET state = %s", (Jsonb(state),))
    after.answered(saga_id, "bill")
    assert after.status(saga_id) == "completed"


def test_a_parked_saga_of_an_unknown_version_is_not_resumed(before: Release, after: Release) -> None:
    saga_id = after.start()
    for step in ("medicine", "bed", "bill"):
        after.answered(saga_id, step)
    after.answered(saga_id, "letter", "refused")
    for release in (before, after):
        with transaction(release.database, HOTEL, causation_of(None, None, None), False) as tx:
            if release is before:
                with pytest.raises(UnknownVersion, match="version 2 of stay"):
                    release.orchestrator.resume(tx, saga_id)
            else:
                assert release.orchestrator.resume(tx, saga_id)
    assert after.status(saga_id) == "running"


def test_sagas_under_way_are_counted_by_the_version_that_they_go_by(before: Release, after: Release) -> None:
    def under_way(release: Release) -> dict[str, float | None]:
        SagaWatch(Query(release.database), [release.saga]).look()
        versions = [str(each.version) for each in release.saga.versions()]
        return {
            version: REGISTRY.get_sample_value("infirmary_sagas_under_way", {"saga": "stay", "version": version})
            for version in (*versions, "unknown")
        }

    for release in (before, after, after):
        release.start()
    assert under_way(before) == {"1": 1, "unknown": 2}
    assert under_way(after) == {"1": 1, "2": 2, "unknown": 0}
