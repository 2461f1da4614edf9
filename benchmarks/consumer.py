"""Benchmark: how fast a consumer applies messages, with offset and sequences in the transaction of the effects."""

from benchmarks.applying import PUBLISHER, SERVICE, ChangeAggregate, consume
from benchmarks.commands import send_commands
from benchmarks.frames_client import BUFFER_MESSAGES, publish_prebuilt
from benchmarks.options import Options
from benchmarks.results import Kind, Results, at_least
from benchmarks.rows import prepare
from benchmarks.testbed import Testbed, apart

TITLE = "Consumer: messages applied a second, effects and offset in one transaction"
_BATCH_MESSAGES = 100


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Lets a consumer work off a log of events and one of commands, in batches and one message a transaction."""
    messages, rounds = (4000, 2) if options.quick else (30_000, 5)
    results.remark("A command is answered: it writes its outcome and a reply besides, and reads the outcome first.")
    for _ in range(options.rounds(rounds)):
        many = _events(testbed, messages, _BATCH_MESSAGES)
        one = _events(testbed, _few(messages), 1)
        _note(results, "log", many, one)
        many = _commands(testbed, messages, _BATCH_MESSAGES)
        one = _commands(testbed, _few(messages), 1)
        _note(results, "commands", many, one)


def _note(results: Results, what: str, many: float, one: float) -> None:
    kinds: tuple[tuple[str, float, Kind], ...] = (
        ("one message a transaction", one, "baseline"),
        ("up to 100 messages a transaction", many, "ours"),
    )
    for way, rate, kind in kinds:
        results.note(f"{what}: {way}", rate, "messages/s", kind=kind)
    results.note(f"{what}: batches, of one at a time", many / one, "times", bar=at_least(8))


def _few(messages: int) -> int:
    return messages // 10 // BUFFER_MESSAGES * BUFFER_MESSAGES or BUFFER_MESSAGES


def _events(testbed: Testbed, messages: int, batch_messages: int) -> float:
    with testbed.database() as url, testbed.target("stream", PUBLISHER) as log:
        with testbed.session(url) as session:
            prepare(session, messages)
        apart(publish_prebuilt, url, testbed.rabbitmq.url, log, messages, messages)
        return apart(consume, url, testbed.rabbitmq.url, [log], messages, batch_messages, **testbed.reading)


def _commands(testbed: Testbed, messages: int, batch_messages: int) -> float:
    with testbed.database() as url, testbed.log_to(SERVICE, PUBLISHER) as log:
        apart(send_commands, testbed.rabbitmq.url, log, PUBLISHER, ChangeAggregate.__name__, messages)
        return apart(consume, url, testbed.rabbitmq.url, [log], messages, batch_messages, **testbed.reading)
