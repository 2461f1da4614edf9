"""Says what was not looked at, and whether a rule may be broken there. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from audit.addresses import Address
from audit.broker import Unreadable
from audit.facts import DatabaseState, LogMessage, Unseen
from audit.hospital import HOSPITAL
from audit.log_parts import name_of, writer_of

_WHY = {
    Unreadable.FORBIDDEN: "the broker's account may not read it",
    Unreadable.WRONG_TYPE: "it is no log: its queue is not a stream",
    Unreadable.REFUSED: "the broker refuses to let it be read",
}


def without_address(addresses: Iterable[Address]) -> Iterator[Unseen]:
    """Says of which services it is not known where they are. A stranger's API is asked nothing."""
    for address in addresses:
        if address.database_url is None:
            yield Unseen(address.service, "database", f"{address.prefix}_DATABASE_URL is not set")
        if address.url is None and address.service in HOSPITAL:
            yield Unseen(address.service, "API", f"{address.prefix}_URL is not set")


def about_logs(logs: Mapping[str, Sequence[LogMessage]], unreadable: Mapping[str, Unreadable]) -> Iterator[Unseen]:
    """Says which logs were not read. One that does not exist hides nothing: what its writer has given out is known."""
    for stem, messages in logs.items():
        reason = unreadable.get(stem)
        if reason is not None and reason is not Unreadable.MISSING:
            yield Unseen(writer_of(stem), name_of(stem, 0), _WHY[reason])
        elif not messages:
            yield Unseen(writer_of(stem), name_of(stem, 0), "there is none, or it is empty", hides=False)


def about_databases(databases: Mapping[str, DatabaseState]) -> Iterator[Unseen]:
    """Says what a service does not keep, and who sends nothing at present. Its outbox is looked at all the same."""
    for service, each in databases.items():
        if each.absent:
            yield Unseen(service, "tables", f"it has no {', '.join(each.absent)}", hides=False)
        if each.relays == 0:
            yield Unseen(service, "relay", "none has shown itself for 15 s", hides=False)
