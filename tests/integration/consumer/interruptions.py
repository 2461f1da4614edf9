"""Interrupts what is written to MongoDB before any single write, where a process may be killed or stand still."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

_SINGLE = ("update_one", "update_many", "delete_one", "delete_many")


class Killed(BaseException):
    """What ends a process that is killed; nothing catches it."""


@contextmanager
def interrupted(before: int, interruption: Callable[[], object]) -> Iterator[None]:
    """Calls something before a write, counted from 1; documents that are sent together count as one write each."""
    left = before

    def comes_to_write() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            interruption()

    with pytest.MonkeyPatch.context() as patch:
        for name in _SINGLE:
            patch.setattr(Collection, name, _before_it(comes_to_write, getattr(Collection, name)))
        for name in ("insert_many", "bulk_write"):
            patch.setattr(Collection, name, _one_by_one(comes_to_write, getattr(Collection, name)))
        yield


def _before_it(comes_to_write: Callable[[], None], write: Callable[..., Any]) -> Callable[..., Any]:
    def do(collection: Any, *arguments: Any, **options: Any) -> Any:
        comes_to_write()
        return write(collection, *arguments, **options)

    return do


def _one_by_one(comes_to_write: Callable[[], None], write: Callable[..., Any]) -> Callable[..., Any]:
    def do(collection: Any, several: Sequence[Any], **options: Any) -> None:
        errors = []
        for index, each in enumerate(several):
            comes_to_write()
            try:
                write(collection, [each], **options)
            except BulkWriteError as error:
                errors += [known | {"index": index} for known in error.details["writeErrors"]]
        if errors:
            raise BulkWriteError({"writeErrors": errors, "writeConcernErrors": []})

    return do
