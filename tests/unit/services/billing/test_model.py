"""What may happen to an account, for every order in which the causes of its entries come."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.handlers import Refused
from services.billing import model
from services.billing.messages import (
    AccountHeld,
    AdmissionBilled,
    AdmissionBillingVoided,
    BillingEntryCreated,
    BillingEntryPosted,
    BillingEntryPriced,
    BillingEntryVoided,
    EntryKind,
)
from services.billing.model import Account, Change, Entry

PATIENT = UUID(int=1)
ACCOUNT = Account(PATIENT)
PRICE, FEE = Decimal("12.50"), Decimal("100.00")
Causation = Callable[[Account, Entry], Change | Refused | None]


def unopened(kind: EntryKind = "prescription", number: int = 7) -> Entry:
    at = datetime(2026, 11, 2, tzinfo=UTC)
    return Entry(UUID(int=100 + number), PATIENT, kind, UUID(int=number), None, "unopened", at)


def after(
    *causes: Causation, kind: EntryKind = "prescription", account: Account = ACCOUNT
) -> tuple[Account, Entry, list[object]]:
    """Applies causes in their order; returns the account, the entry and all events."""
    entry, events = unopened(kind), list[object]()
    for cause in causes:
        change = cause(account, entry)
        if isinstance(change, Change):
            account, entry = change.account, change.entry
            events.append(change.event)
    return account, entry, events


price = partial(model.price, amount=PRICE)
bill = partial(model.bill_admission, fee=FEE)


def test_a_hold_is_told_when_it_begins_and_ends_and_not_while_it_lasts() -> None:
    assert model.hold(ACCOUNT, False) is None
    held = model.hold(ACCOUNT, True)
    assert held == (replace(ACCOUNT, held=True), AccountHeld(patient_id=PATIENT, held=True))
    assert model.hold(held[0], True) is None
    assert model.hold(held[0], False) == (ACCOUNT, AccountHeld(patient_id=PATIENT, held=False))


def test_a_prescription_is_opened_and_then_priced() -> None:
    account, entry, events = after(model.open_entry, price)
    assert (entry.status, entry.amount, account.balance, account.version) == ("open", PRICE, PRICE, 2)
    assert [type(event) for event in events] == [BillingEntryCreated, BillingEntryPriced]


def test_a_price_that_comes_first_opens_the_entry() -> None:
    account, entry, (event,) = after(price, model.open_entry)
    assert (entry.status, account.balance) == ("open", PRICE)
    assert isinstance(event, BillingEntryCreated)
    assert (event.amount, event.balance, event.account_version) == ("12.50", "12.50", 1)


@given(st.permutations([model.open_entry, price]))
def test_that_an_entry_was_created_is_told_once_whatever_comes_first(causes: list[Causation]) -> None:
    _, _, events = after(*causes)
    assert [type(event) for event in events].count(BillingEntryCreated) == 1


@given(st.permutations([model.open_entry, price, model.void, model.void]))
def test_a_voided_entry_stays_voided_whatever_comes_first(causes: list[Causation]) -> None:
    account, entry, events = after(*causes)
    assert (entry.status, account.balance) == ("voided", Decimal(0))
    assert [type(event) for event in events].count(BillingEntryVoided) == 1


def test_nothing_late_changes_a_voided_entry() -> None:
    account, entry, _ = after(model.open_entry, model.void)
    for late in (model.open_entry, price, model.void, model.undo_charge):
        assert late(account, entry) is None


def test_a_dispensing_posts_the_entry_that_is_there() -> None:
    account, entry, events = after(model.open_entry, price, model.charge)
    assert (entry.status, account.balance) == ("posted", PRICE)
    assert isinstance(events[-1], BillingEntryPosted)


@given(st.permutations([price, model.charge]))
def test_an_entry_may_be_posted_before_its_price_is_known(causes: list[Causation]) -> None:
    account, entry, _ = after(model.open_entry, *causes)
    assert (entry.status, entry.amount, account.balance) == ("posted", PRICE, PRICE)


def test_an_undone_dispensing_leaves_the_entry_open_with_its_price() -> None:
    account, entry, events = after(model.open_entry, price, model.charge, model.undo_charge)
    assert (entry.status, entry.amount, account.balance) == ("open", PRICE, PRICE)
    assert isinstance(events[-1], BillingEntryPriced)


def test_a_held_account_refuses_dispensings_and_admissions_and_nothing_else() -> None:
    held = replace(ACCOUNT, held=True)
    account, entry, _ = after(model.open_entry, price, account=held)
    assert (entry.status, account.balance) == ("open", PRICE)
    assert model.charge(account, entry) == Refused("credit hold")
    assert bill(held, unopened("admission")) == Refused("credit hold")
    assert model.void(account, entry) is not None


def test_a_charge_may_come_before_the_entry_is_opened_and_priced() -> None:
    account, entry, _ = after(model.charge, model.open_entry, price)
    assert (entry.status, account.balance) == ("posted", PRICE)


def test_a_voided_entry_is_not_charged() -> None:
    account, voided, _ = after(model.void)
    assert isinstance(model.charge(account, voided), Refused)


def test_an_admission_is_billed_once_and_may_be_taken_back() -> None:
    account, entry, (event,) = after(bill, bill, kind="admission")
    assert (entry.status, entry.amount, account.balance) == ("posted", FEE, FEE)
    assert isinstance(event, AdmissionBilled)
    assert (event.admission_id, event.amount) == (entry.reference_id, "100.00")
    change = model.void_admission(account, entry)
    assert change is not None
    assert isinstance(change.event, AdmissionBillingVoided)
    assert (change.entry.status, change.event.balance) == ("voided", "0.00")
    assert isinstance(bill(change.account, change.entry), Refused)


def test_taking_back_an_admission_that_was_never_billed_changes_nothing() -> None:
    assert model.void_admission(ACCOUNT, unopened("admission")) is None


CAUSES: list[tuple[EntryKind, Causation]] = [
    *(("prescription", cause) for cause in (model.open_entry, price, model.void, model.charge, model.undo_charge)),
    *(("admission", cause) for cause in (bill, model.void_admission)),
]


@given(st.lists(st.tuples(st.sampled_from(CAUSES), st.integers(1, 3)), max_size=30), st.booleans())
def test_the_balance_is_always_the_sum_of_the_priced_entries_not_voided(
    history: list[tuple[tuple[EntryKind, Causation], int]], held: bool
) -> None:
    account, entries, told = replace(ACCOUNT, held=held), dict[tuple[EntryKind, int], Entry](), 0
    for (kind, cause), number in history:
        change = cause(account, entries.get((kind, number), unopened(kind, number)))
        if isinstance(change, Change):
            account, entries[kind, number], told = change.account, change.entry, told + 1
            assert change.event.account_version == told
        assert account.balance == sum(map(model.owed, entries.values()), Decimal(0))


@pytest.mark.parametrize("first", [model.open_entry, price])
def test_boxes_at_the_highest_price_still_make_an_exact_amount(first: Causation) -> None:
    dear = partial(model.price, amount=1_000_000 * Decimal("99999999.99"))
    _, _, events = after(dear if first is price else first, dear)
    assert getattr(events[-1], "balance", None) == "99999999990000.00"
