"""The collection of a service's aggregates: its `documents.py` declares it once, as `documents`.

A document holds the aggregate's own fields and, of the library:

- `_id`: the id of the message that caused it, which so cannot cause it twice.
- `outbox`, `outbox_partition`, `outbox_since`: the contract with the relay, docs/outbox-contract.md.
- `saga_answer`: what a command was answered: `{saga_id, number, step, outcome, reason}`. One without an outcome has
  only kept its number, since a restore did not find what it had changed: the command is still to be answered, and that
  answer has the number as `instead_of`.
- `made_from`: the events that a restore has made the document again from.

A command that changes nothing has a document as well, for its answer and the reply; it goes when such answers do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from infirmary.declaring.declaration import package_of_services

IndexKeys = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Documents:
    """The collection of a service's aggregates.

    Attributes:
        collection: Its name; the relay's setting must name the same.
        indexes: What the service's own queries need, each as pairs of a field and 1 or -1.
        limits: What the aggregate's own fields may be, each as its `$jsonSchema`; the server refuses everything else.
    """

    collection: str
    indexes: Sequence[IndexKeys]
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def documents_of(service: str) -> Documents:
    """Returns what a service's `documents.py` declares."""
    return cast("Documents", import_module(f"{package_of_services()}.{service}.documents").documents)
