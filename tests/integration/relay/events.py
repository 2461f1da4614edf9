"""What the tests write, and what they expect to have arrived."""

from tests.eventually import eventually
from tests.integration.relay.outboxes import Message, Outbox

SUBJECTS = [f"patient-{number}" for number in range(7)]


def events(service: str, count: int, first: int = 1) -> list[Message]:
    """`count` events of each subject."""
    return [
        Message(f"{service}.events", subject, sequence, f"{subject} {sequence}".encode())
        for sequence in range(first, first + count)
        for subject in SUBJECTS
    ]


def in_order_of_subject(bodies: list[str]) -> dict[str, list[int]]:
    """Returns the sequences of each subject as a reader applies them: what it has had before is dropped."""
    applied: dict[str, list[int]] = {}
    for body in bodies:
        subject, sequence = body.split()
        seen = applied.setdefault(subject, [])
        if int(sequence) not in seen:
            seen.append(int(sequence))
    return applied


def everything(count: int) -> dict[str, list[int]]:
    return {subject: list(range(1, count + 1)) for subject in SUBJECTS}


def until_delivered(outbox: Outbox, within_s: float = 30.0) -> None:
    eventually(lambda: outbox.waiting() == 0, because="the outbox is empty", within_s=within_s)
