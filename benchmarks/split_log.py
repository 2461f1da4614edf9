"""Benchmark: how the readers of a log that is split into parts share it out, and how far that scales."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, perf_counter, sleep
from uuid import UUID

import psycopg

from benchmarks.applying import PUBLISHER, read_on
from benchmarks.frames_client import BUFFER_MESSAGES, publish_prebuilt
from benchmarks.options import Options
from benchmarks.results import Results, at_least
from benchmarks.rows import prepare
from benchmarks.targets import declare, delete
from benchmarks.testbed import Testbed, apart
from infirmary_relay.broker.targets import log_names

TITLE = "Split log: messages applied a second by 1, 2 and 4 readers of a log split into 4"
PARTS = 4
_READERS = (1, 2, PARTS)
_LOOK_EVERY_S = 0.05
_DEADLINE_S = 300.0

_BEGUN = "INSERT INTO log_reader (log, first_offset, last_offset, last_message_id) VALUES (%s, 0, 0, %s)"
_APPLIED = "INSERT INTO log_sequence (source, subject, last) VALUES (%s, %s, 1)"
_SHARES = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid
"""


@dataclass(frozen=True)
class Part:
    """A part of the prepared log: its name, its length and its first message."""

    name: str
    messages: int
    first_id: UUID
    first_subject: str


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Lets 1, 2 and 4 readers in turns work on the same log."""
    messages, rounds = (40_000, 1) if options.quick else (100_000, 3)
    results.remark("Measured from when every reader has its share of the parts until the first part is at its end.")
    results.remark("Ceiling: every core busy all the time, at what a message costs the whole machine with one reader.")
    with _prepared_log(testbed, messages) as parts:
        for _ in range(options.rounds(rounds)):
            measured = {readers: _apply(testbed, parts, readers) for readers in _READERS}
            alone, alone_busy = measured[1]
            results.note("the machine's processors", alone / alone_busy, "messages/s", kind="ceiling")
            for readers, (rate, busy) in measured.items():
                name = f"{readers} reader" + ("s" if readers > 1 else "")
                results.note(name, rate, "messages/s", kind="baseline" if readers == 1 else "ours")
                if readers > 1:
                    results.note(f"{name}, of one", rate / alone, "times")
                full = at_least(90) if readers == PARTS else None
                results.note(f"{name}: processors busy", busy * 100, "%", bar=full)


@contextmanager
def _prepared_log(testbed: Testbed, messages: int) -> Iterator[list[Part]]:
    names = log_names(PUBLISHER, PARTS)
    with ExitStack() as stack:
        url = stack.enter_context(testbed.database())
        for name in names:
            declare(testbed.rabbitmq.url, name)
            stack.callback(delete, testbed.rabbitmq.url, name)
        with testbed.session(url) as session:
            prepare(session, messages)
            session.execute("ALTER TABLE prepared RENAME TO everything; CREATE TABLE prepared (LIKE everything)")
            yield [_publish(testbed, session, url, name, part) for part, name in enumerate(names)]


def _publish(testbed: Testbed, session: psycopg.Connection, url: str, name: str, part: int) -> Part:
    session.execute("TRUNCATE prepared")
    session.execute("INSERT INTO prepared SELECT * FROM everything WHERE partition %% %s = %s", (PARTS, part))
    rows = session.execute("SELECT message_id, subject FROM prepared ORDER BY position").fetchall()
    apart(publish_prebuilt, url, testbed.rabbitmq.url, name, len(rows), len(rows) + BUFFER_MESSAGES)
    return Part(name, len(rows), *rows[0])


def _apply(testbed: Testbed, parts: list[Part], readers: int) -> tuple[float, float]:
    """Returns messages a second, and which share of the processors' time was used."""
    with testbed.database() as url, testbed.session(url) as session:
        for part in parts:  # as if each were being read already: none has to wait for an earlier one
            session.execute(_BEGUN, (part.name, part.first_id))
            session.execute(_APPLIED, (PUBLISHER, part.first_subject))
        arguments = (url, testbed.rabbitmq.url, parts[0].name)
        processes = [
            get_context("spawn").Process(target=read_on, args=arguments, kwargs=testbed.reading) for _ in range(readers)
        ]
        for process in processes:
            process.start()
        try:
            _until_shared(session, readers)
            return _measure(session, parts)
        finally:
            for process in processes:
                process.terminate()
                process.join()


def _until_shared(session: psycopg.Connection, readers: int) -> None:
    give_up_at = monotonic() + _DEADLINE_S
    while [count for (count,) in session.execute(_SHARES)] != [PARTS // readers] * readers:
        if monotonic() > give_up_at:
            raise TimeoutError(f"{readers} readers have not shared out {PARTS} parts")
        sleep(_LOOK_EVERY_S)


def _measure(session: psycopg.Connection, parts: list[Part]) -> tuple[float, float]:
    ends = {part.name: part.messages - 1 for part in parts}
    began_at, began_with, (busy, total) = perf_counter(), _offsets(session), _processor_time()
    while all((now := _offsets(session))[name] < end for name, end in ends.items()):
        if perf_counter() - began_at > _DEADLINE_S:
            raise TimeoutError(f"the readers have come to {now} of {ends}")
        sleep(_LOOK_EVERY_S)
    elapsed_s, (busy_now, total_now) = perf_counter() - began_at, _processor_time()
    applied = sum(now.values()) - sum(began_with.values())
    return applied / elapsed_s, (busy_now - busy) / (total_now - total)


def _offsets(session: psycopg.Connection) -> dict[str, int]:
    return dict(session.execute("SELECT log, last_offset FROM log_reader").fetchall())


def _processor_time() -> tuple[int, int]:
    """Returns the time that all processors have worked, and all the time there was, in ticks."""
    user, nice, system, idle, waiting, interrupts, soft, stolen, *_ = (
        int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    busy = user + nice + system + interrupts + soft + stolen
    return busy, busy + idle + waiting
