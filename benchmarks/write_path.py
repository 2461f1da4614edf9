"""Benchmark: what an outbox row adds to a service's transaction."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

from benchmarks.rows import AGGREGATES
from benchmarks.sheet import Kind, Sheet, at_most
from benchmarks.stage import Stage
from benchmarks.writing import Write, connect, outbox_by_statements, state_by_statements, state_only, with_outbox

TITLE = "Write path: a service's transaction with its outbox row and without"
_WAYS: dict[str, Write] = {
    "state": state_only,
    "state and outbox": with_outbox,
    "state, by statements": state_by_statements,
    "state and outbox, by statements": outbox_by_statements,
}
_CLIENTS = (1, 8)
_START_DEADLINE_S = 60.0
_SERVICE = "bench"

_all_there: Barrier
"""Where the clients wait for each other."""


def run(stage: Stage, sheet: Sheet, quick: bool) -> None:
    """Lets clients, each a process, do the four kinds of transaction in turns."""
    rounds, slice_s = (3, 0.5) if quick else (15, 2.0)
    sheet.remark("The chassis sends change, outbox row and commit in one round trip; the usual way has one for each.")
    sheet.remark("'Costs' compares the transactions a second of the same round; clients and servers share the cores.")
    for clients in _CLIENTS:
        with stage.database() as url:
            for rates in _rates(url, clients, rounds, slice_s):
                _note(sheet, clients, rates)


def _note(sheet: Sheet, clients: int, rates: dict[str, float]) -> None:
    (plain, told), (plain_usual, told_usual) = list(pairwise(rates))[::2]
    who = "1 client" if clients == 1 else f"{clients} clients"
    for way, rate in rates.items():
        kind: Kind = "baseline" if way in (plain_usual, told_usual) else "ceiling" if way == plain else "ours"
        sheet.note(f"{who}: {way}", rate, "transactions/s", kind=kind)
    costs = 100 * (rates[plain] / rates[told] - 1)
    sheet.note(f"{who}: the outbox row costs", costs, "%", bar=at_most(10))
    costs = 100 * (rates[plain_usual] / rates[told_usual] - 1)
    sheet.note(f"{who}: it costs by statements", costs, "%", kind="baseline")


def _rates(url: str, clients: int, rounds: int, slice_s: float) -> Iterator[dict[str, float]]:
    """Yields transactions a second of each way, round by round."""
    turns = [way for number in range(rounds) for way in _turned(list(_WAYS), number)]
    context = get_context("spawn")
    all_there = (context.Barrier(clients),)
    with ProcessPoolExecutor(clients, mp_context=context, initializer=_meet, initargs=all_there) as pool:
        futures = [pool.submit(work, url, turns, slice_s) for _ in range(clients)]
        counts = [future.result() for future in futures]
    totals = [sum(each) / slice_s for each in zip(*counts, strict=True)]
    for at in range(0, len(turns), len(_WAYS)):
        measured = dict(zip(turns[at : at + len(_WAYS)], totals[at : at + len(_WAYS)], strict=True))
        yield {way: measured[way] for way in _WAYS}


def work(url: str, turns: Sequence[str], slice_s: float) -> list[int]:
    """Does each kind of transaction in its turn, and returns how many were committed in each."""
    counts = []
    with connect(url) as session:
        for write in _WAYS.values():
            write(session, _SERVICE, 1)
        _all_there.wait(_START_DEADLINE_S)
        begun_at = time.monotonic()
        for turn, way in enumerate(turns, start=1):
            write, count = _WAYS[way], 0
            while time.monotonic() < begun_at + turn * slice_s:
                write(session, _SERVICE, random.randint(1, AGGREGATES))  # noqa: S311 - any will do
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
