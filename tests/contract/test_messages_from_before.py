"""A log keeps what was written before a change, so a reader must understand that, too."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import create_model

from contracts.history import seconds_of
from infirmary.messages import Command, receives, sends
from infirmary.upcasting import EarlierShape, Upcaster
from tests.contract.small_hospital import READ, RESERVED, Hospital, stock_reserved, stock_reserved_as_read

PLACE = "inventory.StockReserved"
DAY_S = 86_400
LONG_AGO, LAST_WEEK, YESTERDAY, NOW = 60 * DAY_S, 7 * DAY_S, DAY_S, 0


def git(hospital: Hospital, *command: str, ago_s: float = NOW) -> None:
    at = f"{int(time.time() - ago_s)} +0000"
    settings = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": at}
    author = ("-c", "user.name=Anybody", "-c", "user.email=anybody@example.org")
    subprocess.run(
        ["git", *author, *command], cwd=hospital.root, check=True, env=os.environ | settings, capture_output=True
    )


def commit(hospital: Hospital, ago_s: float) -> None:
    """Writes the schemas as the classes are, and commits them as if it were so long ago."""
    assert hospital.working_copy.write() == []
    if not (hospital.root / ".git").exists():
        git(hospital, "init", "-q", "-b", "main")
    git(hospital, "add", ".")
    git(hospital, "commit", "-q", "--allow-empty", "-m", "Schemas", ago_s=ago_s)


def add_to_both(hospital: Hospital, **field: Any) -> None:
    """Adds a field to the publisher and lets the reader need it."""
    hospital.inventory = [stock_reserved(**RESERVED, **field)]
    hospital.billing = [stock_reserved_as_read(**READ, **field)]


def test_a_reader_does_not_need_what_was_added_in_the_same_change(hospital: Hospital) -> None:
    commit(hospital, LONG_AGO)
    add_to_both(hospital, batch=str)
    assert hospital.working_copy.write() == []
    complaint = "the last commit's messages lack it, and billing needs it; give it a default there, or lift them"
    assert hospital.breaking() == [f"{PLACE}.batch: {complaint}"]


@pytest.mark.parametrize("later", [0, 1, 3], ids=["last commit", "the one before", "further back"])
def test_nor_once_that_is_committed_as_long_as_logs_keep_older_messages(hospital: Hospital, later: int) -> None:
    commit(hospital, LONG_AGO)
    add_to_both(hospital, batch=str)
    commit(hospital, LAST_WEEK)
    for _ in range(later):
        commit(hospital, YESTERDAY)
    (complaint,) = hospital.breaking()
    assert complaint.startswith(f"{PLACE}.batch: messages from before 2")
    assert complaint.endswith("lack it, and billing needs it; give it a default there, or lift them")


def test_a_reader_with_a_default_may_read_it_at_once(hospital: Hospital) -> None:
    commit(hospital, LONG_AGO)
    hospital.inventory = [stock_reserved(**RESERVED, batch=str)]
    hospital.billing = [stock_reserved_as_read(**READ, batch=(str, "none"))]
    commit(hospital, YESTERDAY)
    assert hospital.breaking() == []


class WithoutBatch(EarlierShape):
    """What messages had before they had a batch."""

    prescription_id: UUID
    unit_price: str


class Priceless(EarlierShape):
    """What none ever had."""

    price_is_unknown: bool


def lift_from(hospital: Hospital, *shapes: type[EarlierShape]) -> None:
    """Lets billing lift what has these shapes."""
    [reading] = hospital.billing

    def lift(earlier: EarlierShape) -> Any:
        return reading.model_validate({**earlier.model_dump(), "batch": "none"})

    for shape in shapes:
        reading.upcasters = (*reading.upcasters, Upcaster(shape, lift))


def test_a_reader_may_need_it_at_once_if_it_lifts_what_lacks_it(hospital: Hospital) -> None:
    commit(hospital, LONG_AGO)
    add_to_both(hospital, batch=str)
    lift_from(hospital, Priceless)
    commit(hospital, LAST_WEEK)
    assert len(hospital.breaking()) == 1, "that is another shape"
    lift_from(hospital, WithoutBatch)
    assert hospital.breaking() == []
    assert hospital.working_copy.check().idle == ["billing: Priceless for inventory.StockReserved"]


def test_what_no_log_keeps_any_more_need_not_be_lifted(hospital: Hospital) -> None:
    commit(hospital, LONG_AGO)
    add_to_both(hospital, batch=str)
    lift_from(hospital, WithoutBatch)
    commit(hospital, 31 * DAY_S)
    found = hospital.working_copy.check()
    assert (found.breaking, found.idle) == ([], ["billing: WithoutBatch for inventory.StockReserved"])


def test_a_reader_may_need_a_field_that_all_kept_messages_have(hospital: Hospital) -> None:
    commit(hospital, LONG_AGO)
    add_to_both(hospital, batch=str)
    commit(hospital, 31 * DAY_S)
    assert hospital.breaking() == []


def test_a_new_type_may_have_any_fields(hospital: Hospital) -> None:
    publisher, reader = hospital.inventory, hospital.billing
    hospital.inventory, hospital.billing = [], []
    commit(hospital, LAST_WEEK)
    hospital.inventory, hospital.billing = publisher, reader
    commit(hospital, YESTERDAY)
    assert hospital.breaking() == []


OLDER: dict[str, tuple[Any, Any, str]] = {
    "null at times": ((str | None, None), str, "hold string or null, and billing reads string; let it read both"),
    "a value that is gone": (
        (Literal["a", "b"], "a"),
        Literal["a"],
        'hold "a" or "b", and billing reads "a"; let it read both',
    ),
}


@pytest.mark.parametrize(("before", "after", "complaint"), OLDER.values(), ids=OLDER)
def test_a_reader_understands_the_values_from_before(
    hospital: Hospital, before: Any, after: Any, complaint: str
) -> None:
    hospital.inventory = [stock_reserved(**RESERVED, shelf=before)]
    commit(hospital, LAST_WEEK)
    schema = hospital.schema_file("inventory/schemas/StockReserved.json")
    schema.unlink()  # or the narrower type would not be written
    add_to_both(hospital, shelf=after)
    for ago_s in (YESTERDAY, NOW, NOW):
        commit(hospital, ago_s)
    (found,) = hospital.breaking()
    assert found.startswith(f"{PLACE}.shelf: messages from before ")
    assert found.endswith(complaint)


def test_a_field_inside_another_is_no_different(hospital: Hospital) -> None:
    box: Any = create_model("Box", code=(str, ...))
    marked: Any = create_model("Box", code=(str, ...), colour=(str, ...))
    hospital.inventory = [stock_reserved(**RESERVED, boxes=list[box])]
    commit(hospital, LAST_WEEK)
    add_to_both(hospital, boxes=list[marked])
    commit(hospital, YESTERDAY)
    (found,) = hospital.breaking()
    assert found.startswith(f"{PLACE}.boxes[].colour: messages from before ")


def test_a_command_on_its_way_is_no_different(hospital: Hospital) -> None:
    def charge(**fields: Any) -> None:
        needed: dict[str, Any] = {name: (kind, ...) for name, kind in fields.items()}
        made: Any = create_model("Charge", __base__=Command, **needed)
        again: Any = create_model("Charge", __base__=Command, **needed)
        hospital.inventory = [stock_reserved(**RESERVED), sends("billing")(made)]
        hospital.billing = [stock_reserved_as_read(**READ), receives("inventory")(again)]

    charge(prescription_id=UUID)
    commit(hospital, LAST_WEEK)
    charge(prescription_id=UUID, currency=str)
    commit(hospital, YESTERDAY)
    (found,) = hospital.breaking()
    assert found.startswith("inventory.Charge.currency: messages from before ")


def test_a_merge_counts_from_its_own_day(hospital: Hospital) -> None:
    commit(hospital, LONG_AGO)
    git(hospital, "checkout", "-q", "-b", "change")
    add_to_both(hospital, batch=str)
    commit(hospital, 40 * DAY_S)
    git(hospital, "checkout", "-q", "main")
    git(hospital, "merge", "-q", "--no-ff", "-m", "Merge", "change", ago_s=YESTERDAY)
    assert [found.partition(":")[0] for found in hospital.breaking()] == [f"{PLACE}.batch"]


def test_a_shallow_clone_says_what_it_cannot_check(hospital: Hospital, tmp_path: Path) -> None:
    commit(hospital, LONG_AGO)
    commit(hospital, YESTERDAY)
    assert hospital.working_copy.check().unchecked == []
    git(hospital, "clone", "-q", "--depth=1", f"file://{hospital.root}", str(tmp_path / "clone"))
    hospital.root = tmp_path / "clone"
    (unchecked,) = hospital.working_copy.check().unchecked
    assert unchecked.startswith("whether readers understand what logs keep from before: this clone is shallow")


def test_without_a_repository_that_is_said(hospital: Hospital) -> None:
    assert hospital.working_copy.check().unchecked == [
        "whether readers understand what logs keep from before: there is no git history here"
    ]


@pytest.mark.parametrize(("age", "seconds"), [("30D", 30 * DAY_S), ("12h", 43_200), ("1Y", 365 * DAY_S), ("90s", 90)])
def test_how_long_logs_keep_messages_is_said_as_to_the_relay(age: str, seconds: float) -> None:
    assert seconds_of(age) == seconds


@pytest.mark.parametrize("age", ["", "30", "30d", "0D", "D", "-1D"])
def test_what_the_relay_would_refuse_is_refused(age: str) -> None:
    with pytest.raises(ValueError, match="RELAY_LOG_MAX_AGE should be a number and Y, M, D, h, m or s"):
        seconds_of(age)
