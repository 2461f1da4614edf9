"""The chain is followed beside the consumer, against a real PostgreSQL."""

from collections.abc import Iterable

import pytest
from prometheus_client import REGISTRY

from infirmary.beside import Beside
from infirmary.settings import Settings
from services.audit import watch
from services.audit.watch import Watch, rounds
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase
from tests.integration.services.recording import PUT, change, tell, verified
from tests.unit.services.recording.records import access

UNGUARDED = "ALTER TABLE audit_events DISABLE TRIGGER ALL; ALTER TABLE audit_head DISABLE TRIGGER ALL;"
MADE_ANEW = f"""
{UNGUARDED}
WITH RECURSIVE others AS (
    SELECT position, replace(record, 'dr-who', 'nobody') AS record FROM audit_events
), anew AS (
    SELECT 0::bigint AS position, decode(repeat('00', 32), 'hex') AS hash, '' AS record
    UNION ALL
    SELECT others.position, sha256(anew.hash || convert_to(others.record, 'UTF8')), others.record
    FROM anew JOIN others ON others.position = anew.position + 1
)
UPDATE audit_events SET record = anew.record, hash = anew.hash FROM anew WHERE audit_events.position = anew.position;
UPDATE audit_head SET hash = (SELECT hash FROM audit_events ORDER BY position DESC LIMIT 1)
"""


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    """The settings of audit with a fresh database."""
    return new_database("audit")


def done(pieces: Iterable[None]) -> None:
    for _ in pieces:
        pass


def shown(metric: str) -> float:
    return REGISTRY.get_sample_value(f"infirmary_record_{metric}") or 0.0


def test_what_comes_is_followed_and_a_chain_that_holds_has_no_break(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_AT_ONCE", 2)
    following = Watch(settings)
    for count in (0, 3, 4, 4):
        tell(settings, *(access() for _ in range(count)))
        done(following.lately())
        done(following.all_of_it())
    assert (shown("entries"), shown("breaks")) == (11, 0)


@pytest.mark.parametrize(
    "statement",
    [
        f"{UNGUARDED} UPDATE audit_events SET record = replace(record, 'dr-who', 'nobody') WHERE position = 5",
        f"{UNGUARDED} DELETE FROM audit_events WHERE position = 5",
        f"{UNGUARDED} DELETE FROM audit_events WHERE position = 6",
        f"{UNGUARDED} DELETE FROM audit_head",
        UNGUARDED + PUT.format(position=9),
        UNGUARDED + PUT.format(position=0),
        MADE_ANEW,
    ],
)
def test_what_somebody_does_to_what_came_last_is_seen_at_the_next_look(settings: Settings, statement: str) -> None:
    following = Watch(settings)
    tell(settings, *(access() for _ in range(3)))
    done(following.lately())
    tell(settings, *(access() for _ in range(3)))
    change(settings, statement)
    done(following.lately())
    assert shown("breaks") == 1
    done(following.lately())
    assert shown("breaks") >= 1, "it is known for as long as the process lives"


def test_what_somebody_does_to_what_is_old_is_seen_by_the_walk_of_the_day_until_it_is_explained(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(settings, *(access() for _ in range(5)))
    following = Watch(settings)
    done(following.lately())
    change(settings, f"{UNGUARDED} UPDATE audit_events SET record = '{{}}' WHERE position = 2")
    done(following.lately())
    assert shown("breaks") == 0
    done(following.all_of_it())
    assert shown("breaks") > 0
    status, words = verified(settings, monkeypatch)
    assert status == 1
    names = [line.rpartition("(")[2].rstrip(")") for line in words.splitlines() if line.startswith("BROKEN")]
    explaining = Watch(settings, names)
    done(explaining.all_of_it())
    assert shown("breaks") == 0
    monkeypatch.setenv("RECORD_BREAKS_EXPLAINED", ",".join(names))
    status, words = verified(settings, monkeypatch)
    assert (status, "explained" in words) == (0, True)
    change(settings, "UPDATE audit_events SET record = '[]' WHERE position = 2")
    done(explaining.all_of_it())
    assert shown("breaks") > 0, "another harm at the same place is not explained"
    assert verified(settings, monkeypatch)[0] == 1


def test_who_has_noted_an_end_finds_a_chain_that_was_made_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(settings, *(access() for _ in range(3)))
    _, words = verified(settings, monkeypatch)
    noted = "3:" + words.split()[-1].rstrip(".")
    tell(settings, access())
    assert verified(settings, monkeypatch, "--noted", noted)[0] == 0
    change(settings, MADE_ANEW)
    assert verified(settings, monkeypatch)[0] == 0, "the chain by itself holds"
    status, words = verified(settings, monkeypatch, "--noted", noted)
    assert (status, "BROKEN at record 3" in words) == (1, True)
    assert verified(settings, monkeypatch, "--noted", "3")[0] == 2


def test_a_walk_that_was_cut_short_goes_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_AT_ONCE", 2)
    tell(settings, *(access() for _ in range(5)))
    following = Watch(settings)
    cut_short = following.all_of_it()
    next(cut_short)
    cut_short.close()  # type: ignore[attr-defined]
    before = shown("walked_timestamp_seconds")
    assert len(list(following.all_of_it())) == 2, "of three pieces one was done"
    assert shown("walked_timestamp_seconds") > before


def test_it_stands_beside_the_consumer(settings: Settings) -> None:
    tell(settings, access())
    before = shown("walked_timestamp_seconds")
    with Beside(rounds(settings)):
        eventually(lambda: shown("walked_timestamp_seconds") > before, because="all of it was looked at")
        eventually(lambda: shown("entries") == 1, because="what came lately was looked at")
