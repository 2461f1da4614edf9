"""Whether a published schema may follow the one before it. Pure.

A field may be added. Nothing else that a reader can see may change: today's readers were written for the schema before,
and tomorrow's will read messages from before, which a log keeps for weeks.
"""

from dataclasses import dataclass

from infirmary.declaring.compatibility import misfits
from infirmary.declaring.describe import Schema


@dataclass(frozen=True, slots=True)
class Break:
    """A change that readers would notice.

    Attributes:
        path: The field.
        change: What happened to it, for example `was string, is number`.
    """

    path: str
    change: str


def breaks(before: Schema, after: Schema) -> list[Break]:
    """Returns the changes that make `after` a new type rather than the next version of `before`."""
    found: dict[str, Break] = {}
    for misfit in misfits(written=after, read=before):
        change = {
            "missing": "is gone",
            "optional": "was always there, is optional",
        }.get(misfit.kind, f"was {misfit.read}, is {misfit.written}")
        found[misfit.path] = Break(misfit.path, change)
    for misfit in misfits(written=before, read=after):
        if misfit.kind == "type":
            narrowed = f"was {misfit.written}, is {misfit.read}, and the log still holds the former"
            found.setdefault(misfit.path, Break(misfit.path, narrowed))
    return list(found.values())
