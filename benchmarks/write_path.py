"""Benchmark: what an outbox row adds to a service's transaction."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from uuid import UUID

from benchmarks.options import Options
from benchmarks.prescribing import prescribe
from benchmarks.results import Kind, Results, at_most
from benchmarks.rows import AGGREGATES
from benchmarks.session_writing import SessionWriting
from benchmarks.testbed import Testbed
from benchmarks.writing import (
    Session,
    Write,
    connect,
    outbox_by_statements,
    state_by_statements,
    state_only,
    with_outbox,
)

TITLE = "Write path: a service's transaction with its outbox row and without"
_SERVICE = "bench"
_STATE = "a row updated"
_PRESCRIPTION = "a prescription written"
_BY_STATEMENTS = "by statements"
_IN_SESSION = "in a Session"

Work = Callable[[Session], object]
Ways = dict[str, Work]

_SETTINGS = (("1 client", 1, 0), ("8 clients", 8, 0), ("1 client, a slow flush", 1, 1000))
"""Who writes: how many clients, and by how many microseconds the flush of their commits is made longer."""
_START_DEADLINE_S = 60.0

_all_there: Barrier
"""Where the clients wait for each other."""


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Lets clients, each a process, do each kind of transaction in turns, with its message and without."""
    rounds, slice_s = (3, 0.5) if options.quick else (15, 2.0)
    results.remark("The library sends change, outbox row and commit in one round trip; the usual way has one for each.")
    results.remark("'Costs' compares the transactions a second of the same round; clients and servers share the cores.")
    results.remark(
        "'A row updated' is the least that a transaction can do: whatever comes on top looks large beside it. "
        "'A prescription written' is what a service does: it reads the patient's snapshot and inserts a row."
    )
    results.remark(
        "'In a Session' an object is read through SQLAlchemy, changed and flushed, in a Session of its own; with the "
        "outbox `infirmary.sqlalchemy` publishes an event in it."
    )
    results.remark(
        "'A slow flush' waits 1 ms more before each flush of the log (`commit_delay`), as on a network disk. "
        "Where a flush takes no time, a transaction is nothing but processor time."
    )
    for who, clients, delay_us in _SETTINGS:
        with testbed.database() as url:
            testbed.delay_commits(url, delay_us)
            for rates in _rates(url, None, clients, options.rounds(rounds), slice_s):
                _note(results, f"{who}, {_STATE}", rates)
        with testbed.prescription_database() as (url, patient_id):
            testbed.delay_commits(url, delay_us)
            for rates in _rates(url, patient_id, clients, options.rounds(rounds), slice_s):
                _note(results, f"{who}, {_PRESCRIPTION}", rates)


def _note(results: Results, what: str, rates: dict[str, float]) -> None:
    for way, rate in rates.items():
        kind: Kind = "baseline" if _BY_STATEMENTS in way else "ours" if "outbox" in way else "ceiling"
        results.note(f"{what}: {way}", rate, "transactions/s", kind=kind)
    for plain, told in list(pairwise(rates))[::2]:
        _, _, otherwise = plain.partition(", ")
        costs = 100 * (rates[plain] / rates[told] - 1)
        name = f"{what}: the outbox row costs{f' {otherwise}' if otherwise else ''}"
        kind = "baseline" if otherwise == _BY_STATEMENTS else "ours"
        results.note(name, costs, "%", kind=kind, bar=None if otherwise else at_most(15))


def ways(url: str, patient_id: UUID | None) -> Ways:
    """The kinds of transaction: each without a message, and then with one."""
    if patient_id is not None:
        return {
            "state": partial(prescribe, patient_id=patient_id, publishes=False),
            "state and outbox": partial(prescribe, patient_id=patient_id, publishes=True),
        }
    in_session = SessionWriting(url, _SERVICE)
    return {
        "state": _on_any_aggregate(state_only),
        "state and outbox": _on_any_aggregate(with_outbox),
        f"state, {_BY_STATEMENTS}": _on_any_aggregate(state_by_statements),
        f"state and outbox, {_BY_STATEMENTS}": _on_any_aggregate(outbox_by_statements),
        f"state, {_IN_SESSION}": in_session.state_only,
        f"state and outbox, {_IN_SESSION}": in_session.with_outbox,
    }


def _on_any_aggregate(write: Write) -> Work:
    return lambda session: write(session, _SERVICE, random.randint(1, AGGREGATES))  # noqa: S311 - any will do


def _rates(url: str, patient_id: UUID | None, clients: int, rounds: int, slice_s: float) -> Iterator[dict[str, float]]:
    """Yields transactions a second of each way, round by round."""
    names = list(ways(url, patient_id))
    turns = [way for number in range(rounds) for way in _turned(names, number)]
    context = get_context("spawn")
    all_there = (context.Barrier(clients),)
    with ProcessPoolExecutor(clients, mp_context=context, initializer=_meet, initargs=all_there) as pool:
        futures = [pool.submit(work, url, patient_id, turns, slice_s) for _ in range(clients)]
        counts = [future.result() for future in futures]
    totals = [sum(each) / slice_s for each in zip(*counts, strict=True)]
    for at in range(0, len(turns), len(names)):
        measured = dict(zip(turns[at : at + len(names)], totals[at : at + len(names)], strict=True))
        yield {way: measured[way] for way in names}


def work(url: str, patient_id: UUID | None, turns: Sequence[str], slice_s: float) -> list[int]:
    """Does each kind of transaction in its turn, and returns how many were committed in each."""
    counts = []
    with connect(url) as session:
        writes = ways(url, patient_id)
        for write in writes.values():
            write(session)
        _all_there.wait(_START_DEADLINE_S)
        begun_at = time.monotonic()
        for turn, way in enumerate(turns, start=1):
            count = 0
            while time.monotonic() < begun_at + turn * slice_s:
                writes[way](session)
                count += 1
            counts.append(count)
    return counts


def _meet(all_there: Barrier) -> None:
    global _all_there  # a barrier reaches a process of a pool only when it starts
    _all_there = all_there


def _turned(ways: list[str], number: int) -> list[str]:
    """The ways in another order each round, so that none always follows the same one."""
    at = number % len(ways)
    return ways[at:] + ways[:at]
