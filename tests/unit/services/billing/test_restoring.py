"""Entries and their account are made again from any backup, in any order of what was said since."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from infirmary.handlers import Refused
from services.billing import model
from services.billing.model import Account, BillingEvent, Change, Entry
from services.billing.restoring import account_and_entry_after

PATIENT = UUID(int=1)
AT = datetime(2026, 11, 2, tzinfo=UTC)
ENTRIES = (
    Entry(UUID(int=101), PATIENT, "prescription", UUID(int=1), None, "unopened", AT),
    Entry(UUID(int=102), PATIENT, "prescription", UUID(int=2), None, "unopened", AT),
    Entry(UUID(int=103), PATIENT, "admission", UUID(int=3), None, "unopened", AT),
)
OF_PRESCRIPTION = [
    model.open_entry,
    partial(model.price, amount=Decimal("12.50")),
    model.void,
    model.charge,
    model.undo_charge,
]
OF_ADMISSION = [partial(model.bill_admission, fee=Decimal("100.00")), model.void_admission]

Cause = Callable[[Account, Entry], Change | Refused | None]

causes = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 1), st.sampled_from(OF_PRESCRIPTION)),
        st.tuples(st.just(2), st.sampled_from(OF_ADMISSION)),
    ),
    max_size=15,
)


@given(causes, st.data())
def test_a_backup_and_what_was_said_since_make_the_account(
    history: list[tuple[int, Cause]], data: st.DataObject
) -> None:
    states: list[tuple[Account, tuple[Entry, ...]]] = [(Account(PATIENT), ENTRIES)]
    said: list[tuple[int, BillingEvent]] = []
    for which, cause in history:
        account, entries = states[-1]
        change = cause(account, entries[which])
        if isinstance(change, Change):
            said.append((which, change.event))
            states.append((change.account, (*entries[:which], change.entry, *entries[which + 1 :])))
    moment = data.draw(st.integers(0, len(said)))
    account, made = states[moment][0], list(states[moment][1])
    for which, event in in_any_order(said[moment:], data):
        account, made[which] = account_and_entry_after(account, made[which], event)
    assert (account, tuple(made)) == states[-1]


def in_any_order(said: list[tuple[int, BillingEvent]], data: st.DataObject) -> list[tuple[int, BillingEvent]]:
    """Returns the events in an order that keeps that of each entry."""
    queues = {which: [each for each in said if each[0] == which] for which, _ in said}
    order = data.draw(st.permutations([which for which, _ in said]))
    return [queues[which].pop(0) for which in order]
