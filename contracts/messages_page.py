"""docs/messages.md: all messages of the hospital, from their declarations."""

from collections.abc import Container, Iterator
from inspect import getdoc

from contracts.declarations import Catalogue, Declared
from infirmary.access.records import AccessRecorded
from infirmary.declaring.describe import phrase
from infirmary.declaring.schemas import written_schema
from infirmary.messages import Command, Message, Reply

_BEGINNING = """\
# Messages

Every message that the services exchange, from their `messages.py`. `make contracts` writes this page; do not edit it.

Events go to the log of the service that publishes them, `<service>.events`, and anybody may read them; order holds per
subject, and one that ends its subject is the last of it as a rule: once no log holds any of them the numbers are
forgotten ([tables](tables.md#subjects-that-have-ended)). Commands and replies go to a log for that one peer,
`<service>.to.<peer>`; their subject is the saga. The attributes that every message carries beside its body are in [the
outbox contract](outbox-contract.md).
"""


def overview(catalogue: Catalogue) -> str:
    """Returns the page."""
    return "\n".join([_BEGINNING, *_sections(catalogue)])


def _sections(catalogue: Catalogue) -> Iterator[str]:
    for service in sorted(catalogue.services):
        owned = [found for found in catalogue.declared if found.service == service and found.is_outward]
        events = [found for found in owned if not found.is_command]
        commands = [found for found in owned if found.is_command]
        if events:
            yield f"## Events of {service}\n\n| type | subject | read by | fields |\n|---|---|---|---|"
            yield from (_row(event.message, _subject(event.message), _readers(catalogue, event)) for event in events)
            yield ""
        if commands:
            yield f"## Commands of {service}\n\n| type | subject | received by | fields of its own |\n|---|---|---|---|"
            yield from (_row(command.message, "saga_id", command.peer, Command.model_fields) for command in commands)
            yield ""
    yield "## Every command, and its reply\n\n| type | subject | received by | fields |\n|---|---|---|---|"
    yield f"| (every command) | saga_id | the participant | {_fields(Command)} |"
    yield _row(Reply, "saga_id", "the service that the command's reply_to names")
    yield "\n## Every service's record of access\n\n| type | subject | read by | fields |\n|---|---|---|---|"
    yield _row(AccessRecorded, "track", "the service that keeps the record, in the log `<service>.to.<it>`")
    yield ""


def _row(message: type[Message], subject: str, readers: str, left_out: Container[str] = ()) -> str:
    meaning = (getdoc(message) or "").partition("\n\n")[0].replace("\n", " ")
    return f"| **{message.__name__}**<br>{meaning} | {subject} | {readers} | {_fields(message, left_out)} |"


def _subject(event: type[Message]) -> str:
    return f"{event.contract.subject_field}{', ends' if event.contract.ends else ''}"


def _readers(catalogue: Catalogue, event: Declared) -> str:
    readers = {reader.service for reader in catalogue.readers_of(event.service, event.type)}
    return ", ".join(sorted(readers)) or "nobody yet"


def _fields(message: type[Message], left_out: Container[str] = ()) -> str:
    schema = written_schema(message)
    definitions = schema.get("$defs", {})
    fields = {name: field for name, field in schema["properties"].items() if name not in left_out}
    return "<br>".join(f"`{name}`: {phrase(field, definitions)}".replace("|", "\\|") for name, field in fields.items())
