"""Every saga has ended, and what has failed was undone."""

from collections.abc import Iterator

from audit.facts import Facts
from audit.ledger import Ledger
from audit.violation import Violation

ENDED = "every saga has ended, or is parked with a reason"
DECIDED = "no prescription is left pending or dispensing"
UNDONE = "a failed saga is undone completely"
STEP_IS_UNDONE = {"waiting", "refused", "compensated"}


def sagas_have_ended(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """No saga is under way; one that is parked or has failed says why."""
    for service, state in facts.databases.items():
        for saga in state.sagas:
            where = f"{service}, {saga.name} {saga.saga_id}"
            if saga.status not in ("completed", "failed", "parked"):
                yield Violation(ENDED, where, f"is {saga.status}: {dict(saga.steps)}")
            elif saga.status != "completed" and not saga.reason:
                yield Violation(ENDED, where, f"is {saga.status} without a reason")


def failed_sagas_are_undone(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """After a failure every step never ran, was refused or was compensated; after a success every step is done."""
    for service, state in facts.databases.items():
        for saga in state.sagas:
            where = f"{service}, {saga.name} {saga.saga_id}"
            standing = {name: state for name, state in saga.steps.items() if state not in STEP_IS_UNDONE}
            if saga.status == "failed" and standing:
                yield Violation(UNDONE, where, f"has failed, but {standing}")
            undone = {name: state for name, state in saga.steps.items() if state != "done"}
            if saga.status == "completed" and undone:
                yield Violation(UNDONE, where, f"is completed, but {undone}")


def prescriptions_are_decided(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """At rest a prescription waits neither for its stock nor for its dispensing."""
    for prescription in facts.prescriptions.values():
        if prescription.status in ("pending", "dispensing"):
            yield Violation(DECIDED, f"prescription {prescription.prescription_id}", f"is still {prescription.status}")
