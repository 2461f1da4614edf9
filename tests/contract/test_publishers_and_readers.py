"""A change that would break a reader is caught, and the message says who reads what."""

import subprocess
from typing import Any, Literal
from uuid import UUID

import pytest

from tests.contract.small_hospital import (
    READ,
    RESERVED,
    Hospital,
    charge,
    charge_as_received,
    stock_reserved,
    stock_reserved_as_read,
)

PLACE = "inventory.StockReserved"


def test_what_was_written_fits(hospital: Hospital) -> None:
    found = hospital.working_copy.check()
    assert (found.breaking, found.stale, found.unread) == ([], [], [])


PLANTED: dict[str, tuple[dict[str, Any], str]] = {
    "removed": ({"prescription_id": UUID, "kind": str}, "unit_price: is gone; billing reads it"),
    "renamed": ({"prescription_id": UUID, "price": str, "kind": str}, "unit_price: is gone; billing reads it"),
    "of another type": (RESERVED | {"unit_price": float}, "unit_price: was string, is number; billing reads it"),
    "null at times": (
        RESERVED | {"unit_price": str | None},
        "unit_price: was string, is string or null; billing reads it",
    ),
    "removed though nobody reads it": (READ, "kind: is gone"),
    "narrowed": (
        RESERVED | {"kind": Literal["drug"]},
        'kind: was string, is "drug", and the log still holds the former',
    ),
}


@pytest.mark.parametrize(("fields", "complaint"), PLANTED.values(), ids=PLANTED)
def test_a_published_field_may_not_be(hospital: Hospital, fields: dict[str, Any], complaint: str) -> None:
    before = hospital.schema_file("inventory/schemas/StockReserved.json").read_text()
    hospital.inventory = [stock_reserved(**fields)]
    assert hospital.breaking() == [f"{PLACE}.{complaint}"]
    assert hospital.working_copy.write() == [f"{PLACE}.{complaint}"]
    assert hospital.schema_file("inventory/schemas/StockReserved.json").read_text() == before


def test_a_value_of_an_enumeration_may_be_neither_added_nor_removed(hospital: Hospital) -> None:
    hospital.inventory = [stock_reserved(**RESERVED, shelf=(Literal["a", "b"], "a"))]
    assert hospital.working_copy.write() == []
    for values, change in (
        (Literal["a"], 'was "a" or "b", is "a", and the log still holds the former'),
        (Literal["a", "b", "c"], 'was "a" or "b", is "a", "b" or "c"'),
    ):
        hospital.inventory = [stock_reserved(**RESERVED, shelf=values)]
        assert hospital.breaking() == [f"{PLACE}.shelf: {change}"]


def test_a_field_may_be_added_and_the_check_asks_to_write_it(hospital: Hospital) -> None:
    hospital.inventory = [stock_reserved(**RESERVED, batch=str)]
    found = hospital.working_copy.check()
    assert found.breaking == []
    assert found.stale[0] == "services/inventory/schemas/StockReserved.json: is not what the code declares"
    assert hospital.working_copy.write() == []
    assert hospital.working_copy.check().stale == []


def test_a_field_with_a_default_is_always_written(hospital: Hospital) -> None:
    hospital.inventory = [stock_reserved(**RESERVED, batch=(str, "none"))]
    hospital.billing = [stock_reserved_as_read(**READ, batch=str)]
    hospital.working_copy.write()
    assert hospital.breaking() == []


UNMET: dict[str, tuple[dict[str, Any], str]] = {
    "a field that is not there": (READ | {"batch": str}, "batch: is not there; billing needs it"),
    "another type": (READ | {"unit_price": int}, "unit_price: is string; billing reads integer"),
    "one value of many": (READ | {"kind": Literal["drug"]}, 'kind: is string; billing reads "drug"'),
}


@pytest.mark.parametrize(("fields", "complaint"), UNMET.values(), ids=UNMET)
def test_a_reader_may_not_need(hospital: Hospital, fields: dict[str, Any], complaint: str) -> None:
    hospital.billing = [stock_reserved_as_read(**fields)]
    assert hospital.breaking() == [f"{PLACE}.{complaint}"]


def test_a_type_that_is_read_may_not_be_withdrawn(hospital: Hospital) -> None:
    hospital.inventory = []
    assert hospital.working_copy.write() == [f"{PLACE}: is gone; billing reads it"]
    assert "billing reads StockReserved of inventory, which does not publish it" in hospital.breaking()


def test_a_type_that_nobody_reads_is_named_and_may_be_withdrawn(hospital: Hospital) -> None:
    hospital.billing = []
    assert hospital.working_copy.check().unread == [PLACE]
    hospital.inventory = []
    assert hospital.working_copy.write() == []
    assert not hospital.schema_file("inventory/schemas/StockReserved.json").exists()


def test_a_command_must_reach_a_service_that_receives_it(hospital: Hospital) -> None:
    hospital.inventory.append(charge(to="billing"))
    assert "inventory sends Charge to billing, which does not receive it" in hospital.breaking()
    hospital.billing.append(charge_as_received())
    assert hospital.breaking() == []


def test_a_command_is_received_only_by_whom_it_is_sent_to(hospital: Hospital) -> None:
    hospital.inventory.append(charge(to="ward"))
    hospital.billing.append(charge_as_received())
    assert "billing receives Charge of inventory, which sends it to ward" in hospital.breaking()


def test_whatever_is_read_has_a_handler_and_the_other_way_round(hospital: Hospital) -> None:
    hospital.handled = {}
    assert hospital.breaking() == ["billing declares that it reads StockReserved, and has no handler for it"]
    hospital.handled = {"billing": set(hospital.billing)}
    hospital.billing = []
    assert "billing has a handler for StockReserved, which its messages.py does not declare" in hospital.breaking()


@pytest.mark.parametrize("committed_as_well", [False, True])
def test_a_schema_that_was_deleted_and_written_anew_is_held_against_the_one_before_it(
    hospital: Hospital, committed_as_well: bool
) -> None:
    _commit(hospital)
    hospital.schema_file("inventory/schemas/StockReserved.json").unlink()
    hospital.inventory = [stock_reserved(**RESERVED | {"kind": int})]
    assert hospital.working_copy.write() == []
    if committed_as_well:
        _commit(hospital)
    assert hospital.breaking() == [f"{PLACE}.kind: was string, is integer"]


def _commit(hospital: Hospital) -> None:
    author = ("-c", "user.name=Anybody", "-c", "user.email=anybody@example.org", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "Schemas")):
        subprocess.run(["git", *command], cwd=hospital.root, check=True)
