"""Benchmark: how fast a consumer applies messages, with offset and sequences in the transaction of the effects."""

from benchmarks.applying import PUBLISHER, SERVICE, ChangeAggregate, consume
from benchmarks.commands import send_commands
from benchmarks.effort import Effort
from benchmarks.frames_client import BUFFER_MESSAGES, publish_prebuilt
from benchmarks.rows import prepare
from benchmarks.sheet import Kind, Sheet, at_least
from benchmarks.stage import Stage, apart

TITLE = "Consumer: messages applied a second, effects and offset in one transaction"
_BATCH_MESSAGES = 100


def run(stage: Stage, sheet: Sheet, effort: Effort) -> None:
    """Lets a consumer work off a log of events and one of commands, in batches and one message a transaction."""
    messages, rounds = (4000, 2) if effort.quick else (30_000, 5)
    sheet.remark("A command is answered: it writes its outcome and a reply besides, and reads the outcome first.")
    for _ in range(effort.rounds(rounds)):
        many = _events(stage, messages, _BATCH_MESSAGES)
        one = _events(stage, _few(messages), 1)
        _note(sheet, "log", many, one)
        many = _commands(stage, messages, _BATCH_MESSAGES)
        one = _commands(stage, _few(messages), 1)
        _note(sheet, "commands", many, one)


def _note(sheet: Sheet, what: str, many: float, one: float) -> None:
    kinds: tuple[tuple[str, float, Kind], ...] = (
        ("one message a transaction", one, "baseline"),
        ("up to 100 messages a transaction", many, "ours"),
    )
    for way, rate, kind in kinds:
        sheet.note(f"{what}: {way}", rate, "messages/s", kind=kind)
    sheet.note(f"{what}: batches, of one at a time", many / one, "times", bar=at_least(8))


def _few(messages: int) -> int:
    return messages // 10 // BUFFER_MESSAGES * BUFFER_MESSAGES or BUFFER_MESSAGES


def _events(stage: Stage, messages: int, batch_messages: int) -> float:
    with stage.database() as url, stage.target("stream", PUBLISHER) as log:
        with stage.session(url) as session:
            prepare(session, messages)
        apart(publish_prebuilt, url, stage.rabbitmq.url, log, messages, messages)
        return apart(consume, url, stage.rabbitmq.url, [log], messages, batch_messages)


def _commands(stage: Stage, messages: int, batch_messages: int) -> float:
    with stage.database() as url, stage.log_to(SERVICE, PUBLISHER) as log:
        apart(send_commands, stage.rabbitmq.url, log, PUBLISHER, ChangeAggregate.__name__, messages)
        return apart(consume, url, stage.rabbitmq.url, [log], messages, batch_messages)
