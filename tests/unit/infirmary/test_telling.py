"""What requests put into a spool is told, some of it together, until it is durable."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from infirmary.access.records import MOST_BYTES, MOST_IN_ONE, Access
from infirmary.access.spool import SMALLEST_BYTES, Spool
from infirmary.access.telling import Telling, messages_of
from infirmary.identifiers import new_id
from tests.eventually import eventually

JSON = TypeAdapter(Access)


def access(caller: str = "a-doctor") -> Access:
    return Access(
        access_id=new_id(),
        at=datetime.now(UTC),
        caller=caller,
        identified=True,
        roles=["doctor"],
        method="GET",
        route="/patients/<patient_id>",
        scope="patients:read",
        person=new_id(),
        several=False,
        address="127.0.0.1",
        status=200,
        correlation_id="c",
    )


class Database:
    """Takes what is told, when it is there."""

    def __init__(self) -> None:
        self.told: list[list[Access]] = []
        self.is_away = threading.Event()
        self.asked = 0

    def tell(self, some: Sequence[Access]) -> None:
        self.asked += 1
        if self.is_away.is_set():
            raise OSError("the database is away")
        self.told.append(list(some))

    @property
    def all(self) -> list[Access]:
        return [each for some in self.told for each in some]


def test_what_comes_is_told_in_its_order_and_the_file_goes_with_the_process(tmp_path: Path) -> None:
    database, come = Database(), [access() for _ in range(250)]
    telling = Telling(tmp_path, 8 * SMALLEST_BYTES, database.tell)
    assert [each for each in come if not telling.add(each)] == []
    telling.close()
    assert database.all == come
    assert max(map(len, database.told)) <= MOST_IN_ONE
    assert list(tmp_path.iterdir()) == []
    assert not telling.add(access()), "it is taken when nobody tells it any more"


def test_what_cannot_be_told_is_tried_again(tmp_path: Path) -> None:
    database, come = Database(), [access() for _ in range(3)]
    database.is_away.set()
    telling = Telling(tmp_path, SMALLEST_BYTES, database.tell)
    assert [each for each in come if not telling.add(each)] == []
    eventually(lambda: database.asked, because="it was tried")
    come.append(access())
    assert telling.add(come[-1])
    database.is_away.clear()
    eventually(lambda: database.all == come, because="it is told, with what came meanwhile")
    telling.close()


def test_what_a_process_that_ended_has_left_is_told_by_the_next(tmp_path: Path) -> None:
    left, database = [access() for _ in range(3)], Database()
    spool = Spool.new(tmp_path, SMALLEST_BYTES)
    for each in left:
        spool.append(JSON.dump_json(each))
    spool.close()
    telling = Telling(tmp_path, SMALLEST_BYTES, database.tell)
    eventually(lambda: database.all == left, because="it is told")
    telling.close()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_told_at_the_end_stays_for_the_next(tmp_path: Path) -> None:
    database, one = Database(), access()
    database.is_away.set()
    telling = Telling(tmp_path, SMALLEST_BYTES, database.tell)
    assert telling.add(one)
    telling.close()
    database.is_away.clear()
    Telling(tmp_path, SMALLEST_BYTES, database.tell).close()
    assert database.all == [one]


def test_what_is_in_a_file_that_somebody_removes_is_told_and_another_file_is_made(tmp_path: Path) -> None:
    database = Database()
    database.is_away.set()
    telling = Telling(tmp_path, SMALLEST_BYTES, database.tell)
    before, after = access(), access()
    assert telling.add(before)
    (removed,) = tmp_path.iterdir()
    removed.unlink()
    eventually(lambda: list(tmp_path.iterdir()), because="another file is made")
    assert telling.add(after)
    database.is_away.clear()
    both = [before.access_id, after.access_id]
    eventually(lambda: sorted(each.access_id for each in database.all) == both, because="both are told")
    telling.close()


@pytest.mark.parametrize("kind", ["a link", "a folder"])
def test_what_is_no_spool_keeps_none_behind_it_from_being_told(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other, database, left = tmp_path / "0.accesses", Database(), access()
    other.mkdir() if kind == "a folder" else other.symlink_to(tmp_path / "nowhere")
    spool = Spool.new(tmp_path, SMALLEST_BYTES)
    spool.append(JSON.dump_json(left))
    spool.close()
    telling = Telling(tmp_path, SMALLEST_BYTES, database.tell)
    eventually(lambda: database.all == [left], because="it is told")
    telling.close()
    assert "nobody tells what is in" in caplog.text


@given(st.lists(st.integers(1, 900).map(lambda length: access("x" * length)), max_size=250))
def test_messages_hold_everything_once_in_its_order_and_are_not_too_large(come: list[Access]) -> None:
    messages = list(messages_of([JSON.dump_json(each) for each in come]))
    assert [each for some in messages for each in some] == come
    for some in messages:
        assert 0 < len(some) <= MOST_IN_ONE
        assert len(some) == 1 or sum(len(JSON.dump_json(each)) for each in some) <= MOST_BYTES


def test_what_is_no_access_keeps_no_other_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    one = access()
    with_nul = JSON.dump_json(one).replace(b"a-doctor", b"a\\u0000doctor")
    assert list(messages_of([b"{}", with_nul, JSON.dump_json(one)])) == [[one]]
    assert "is no access" in caplog.text
