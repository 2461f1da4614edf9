"""What must hold between the services' declarations and their schemas. Pure; each broken rule is one line for people.

A service may be released on its own, so a reader is held against the schema that its publisher has committed, not
against its code.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.declarations import Catalogue, Declared
from contracts.evolution import breaks
from contracts.history import PastSchema
from contracts.schema_files import current, path_of, schema_of
from infirmary.declaring.compatibility import Misfit, misfits
from infirmary.declaring.schemas import needed_schema
from infirmary.messages import Message
from infirmary.upcasting import Upcaster

ADVICE = "a breaking change is a new type beside the old"
Files = Mapping[Path, str]
Handled = Mapping[str, set[type[Message]]]


def breaking_changes(catalogue: Catalogue, before: Files, after: Files) -> list[str]:
    """Returns how owned types changed in a way that readers would notice.

    Args:
        catalogue: All declarations.
        before: Schema files as they were.
        after: As they are to be. A file that is on one side only breaks no promise here; `unmet_readers` sees to that.
    """
    return [line for owned in catalogue.owned.values() for line in _breaks_of(catalogue, owned, before, after)]


def _breaks_of(catalogue: Catalogue, owned: Declared, before: Files, after: Files) -> Iterator[str]:
    path = path_of(owned)
    if path not in before or path not in after:
        return
    for found in breaks(json.loads(before[path]), json.loads(after[path])):
        yield f"{_place(owned, found.path)}: {found.change}{_readers(catalogue, owned, found.path)}"


def _readers(catalogue: Catalogue, owned: Declared, path: str) -> str:
    """Says who reads a field, whatever is inside it."""
    field = path.split(".")[0].split("[")[0]
    readers = sorted(
        {
            reader.service
            for reader in catalogue.readers_of(owned.service, owned.type)
            if field in reader.message.model_fields
        }
    )
    if not readers:
        return ""
    return f"; {' and '.join(readers)} {'reads' if len(readers) == 1 else 'read'} it"


def withdrawn_while_read(catalogue: Catalogue, files: Files) -> list[str]:
    """Returns the owned types whose class is gone while their schema is there and somebody still reads them."""
    return [
        f"{reading.peer}.{reading.type}: is gone; {reading.service} reads it"
        for reading in catalogue.readings
        if (reading.peer, reading.type) not in catalogue.owned
        and Path(reading.peer, "schemas", f"{reading.type}.json") in files
    ]


def unmet_readers(catalogue: Catalogue, files: Files) -> list[str]:
    """Returns what readers need of a type that its owner's committed schema does not promise."""
    return [line for reading in catalogue.readings for line in _unmet(catalogue, reading, files)]


def _unmet(catalogue: Catalogue, reading: Declared, files: Files) -> Iterator[str]:
    owned = catalogue.owned.get((reading.peer, reading.type))
    if reading.peer not in catalogue.services:
        yield f"{reading.service} reads {reading.type} of {reading.peer}: there is no such service"
    elif owned is None or owned.is_command != reading.is_command:
        verb = "send" if reading.is_command else "publish"
        yield f"{reading.service} reads {reading.type} of {reading.peer}, which does not {verb} it"
    elif reading.is_command and owned.peer != reading.service:
        yield f"{reading.service} receives {reading.type} of {reading.peer}, which sends it to {owned.peer}"
    elif path_of(owned) in files:
        for misfit in misfits(json.loads(files[path_of(owned)]), schema_of(reading)):
            yield f"{_place(owned, misfit.path)}: {_unmet_need(misfit, reading.service)}"


def _unmet_need(misfit: Misfit, reader: str) -> str:
    match misfit.kind:
        case "missing":
            return f"is not there; {reader} needs it"
        case "optional":
            return f"is not always there; {reader} needs it"
        case "unexpected":
            return f"is there; {reader} forbids it"
        case "type":
            return f"is {misfit.written}; {reader} reads {misfit.read}"


def unmet_by_the_past(
    catalogue: Catalogue, files: Files, past: Mapping[Path, Sequence[PastSchema]], kept_s: float
) -> list[str]:
    """Returns what readers need that messages from before lack, which a log still keeps or a queue may hold.

    Whoever reads a log from its beginning (a new reader, one that was away, one that is made anew) meets them.

    Args:
        catalogue: All declarations.
        files: The schemas as they are.
        past: The schemas that were in force within the time that is kept, the newest first.
        kept_s: That time, in seconds.
    """
    lines: dict[tuple[str, str], str] = {}
    for reading in catalogue.readings:
        owned = catalogue.owned.get((reading.peer, reading.type))
        if owned is None or path_of(owned) not in files:
            continue
        now = {misfit.path for misfit in misfits(json.loads(files[path_of(owned)]), schema_of(reading))}
        for schema in past.get(path_of(owned), ()):
            if upcasters_for(reading, json.loads(schema.text)):
                continue
            for misfit in misfits(json.loads(schema.text), schema_of(reading)):
                if misfit.path not in now:
                    place = _place(owned, misfit.path)
                    lines.setdefault(
                        (place, reading.service), f"{place}: {_past_need(misfit, reading, schema, kept_s)}"
                    )
    return list(lines.values())


def upcasters_for(reading: Declared, written: dict[str, Any]) -> list[Upcaster]:
    """Returns the reader's upcasters that take what is written by a schema."""
    found: tuple[Upcaster, ...] = reading.message.upcasters
    return [upcaster for upcaster in found if not misfits(written, needed_schema(upcaster.shape))]


def idle_upcasters(catalogue: Catalogue, past: Mapping[Path, Sequence[PastSchema]]) -> list[str]:
    """Returns the upcasters for shapes of which logs keep no message any more; no fault, but they may go."""
    lines = []
    for reading in catalogue.readings:
        owned = catalogue.owned.get((reading.peer, reading.type))
        schemas = [json.loads(schema.text) for schema in past.get(path_of(owned), ())] if owned is not None else []
        before = [schema for schema in schemas if misfits(schema, schema_of(reading))]
        needed = {upcaster.shape for schema in before for upcaster in upcasters_for(reading, schema)}
        idle = [upcaster.shape for upcaster in reading.message.upcasters if upcaster.shape not in needed]
        lines += [f"{reading.service}: {shape.__name__} for {reading.peer}.{reading.type}" for shape in idle]
    return lines


def _past_need(misfit: Misfit, reading: Declared, schema: PastSchema, kept_s: float) -> str:
    which = "the last commit's messages"
    if schema.until is not None:
        which = f"messages from before {_day(schema.until)}, which logs keep until {_day(schema.until + kept_s)},"
    match misfit.kind:
        case "missing" | "optional":
            lacking = "lack it" if misfit.kind == "missing" else "do not always have it"
            return f"{which} {lacking}, and {reading.service} needs it; give it a default there, or lift them"
        case "unexpected":
            return f"{which} have it, and {reading.service} forbids it; let it pass there"
        case "type":
            return f"{which} hold {misfit.written}, and {reading.service} reads {misfit.read}; let it read both"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def unreceived_commands(catalogue: Catalogue) -> list[str]:
    """Returns the commands that are sent to a service that does not receive them."""
    return [
        f"{owned.service} sends {owned.type} to {owned.peer}, which does not receive it"
        for owned in catalogue.owned.values()
        if owned.is_command
        and owned.peer not in {reader.service for reader in catalogue.readers_of(owned.service, owned.type)}
    ]


def unhandled(catalogue: Catalogue, handled: Handled) -> list[str]:
    """Returns what a service reads and has no handler for, and what it handles and does not declare.

    Args:
        catalogue: All declarations.
        handled: Per service the classes that its `handlers.py` has handlers for.
    """
    lines = []
    for service in sorted(catalogue.services):
        declared = {reading.message for reading in catalogue.readings if reading.service == service}
        have = handled.get(service, set())
        lines += [
            f"{service} declares that it reads {name}, and has no handler for it" for name in _names(declared - have)
        ]
        lines += [
            f"{service} has a handler for {name}, which its messages.py does not declare"
            for name in _names(have - declared)
        ]
    return lines


def unread_events(catalogue: Catalogue) -> list[str]:
    """Returns the events that nobody reads; no fault, but worth knowing."""
    return [
        f"{owned.service}.{owned.type}"
        for owned in catalogue.owned.values()
        if owned.message.contract.direction == "publishes" and not catalogue.readers_of(owned.service, owned.type)
    ]


def outdated(catalogue: Catalogue, files: Files) -> list[str]:
    """Returns the files that are not what the message classes and sagas say."""
    expected = current(catalogue)
    lines = [
        f"services/{path}: {_what_is_wrong(files.get(path))}" for path in expected if files.get(path) != expected[path]
    ]
    return lines + [f"services/{path}: nobody declares it any more" for path in sorted(set(files) - set(expected))]


def _what_is_wrong(found: str | None) -> str:
    return "is missing" if found is None else "is not what the code declares"


def _place(owned: Declared, path: str) -> str:
    return f"{owned.service}.{owned.type}.{path}" if path else f"{owned.service}.{owned.type}"


def _names(messages: set[type[Message]]) -> list[str]:
    return sorted(message.__name__ for message in messages)
