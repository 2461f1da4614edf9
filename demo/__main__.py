"""Plays a day in the hospital, faults included, and checks that everything is consistent: `python -m demo`."""

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import click
from rich.console import Console
from rich.table import Table

from audit.client import Refusal, Unanswered
from audit.collector import NotAtRest
from audit.environment import read_environment
from audit.ledger import Ledger
from audit.report import print_verdict
from audit.share_collector import ShareCollector
from audit.verdict import Verdict, judge
from demo.client import DEADLINE_S, Hospital
from demo.day import Day
from demo.kill_targets import KillTargets
from demo.latency import Latency, measure
from demo.load import Load
from demo.narrator import PLAIN_WIDTH, Narrator, section
from demo.pods import Pods
from demo.processes import Processes
from demo.traffic import Traffic
from local.errors import LocalError
from local.hospital import running_hospital
from local.rundir import RunDir
from local.topology import port_base

QUIESCENT_WITHIN_S = 120.0

FAILURES = (AssertionError, LocalError, NotAtRest, Refusal, Unanswered, TimeoutError, ProcessLookupError)


@click.command()
@click.option(
    "--env", "environment_file", type=click.Path(path_type=Path),
    help="Play against the hospital that runs already and has this file, for example .run/infirmary.env. Others may "
    "use it meanwhile: only what the day itself has brought about is judged.",
)  # fmt: skip
@click.option("--kill", is_flag=True, help="Kill processes or pods in the rush hour of that hospital, too.")
@click.option(
    "--within", "within_s", default=DEADLINE_S, show_default=True, type=click.FloatRange(min=0, min_open=True),
    help="Seconds in which whatever must follow has to follow; more where the hospital is busy.",
)  # fmt: skip
def main(environment_file: Path | None, kill: bool, within_s: float) -> None:
    """Play a day in a hospital of its own, where processes are killed in the rush hour."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    begun_at = time.monotonic()
    try:
        with _hospital(console, environment_file) as (env, run_dir):
            kill_targets = _kill_targets(run_dir, env) if kill or environment_file is None else None
            passed = play(console, env, kill_targets, within_s)
    except FAILURES as failure:
        console.print(f"\nThe day went wrong. {failure}", style="bold red", markup=False, highlight=False)
        sys.exit(1)
    console.print(f"\n{_last_line(passed)} ({time.monotonic() - begun_at:.0f} s)", highlight=False)
    sys.exit(0 if passed else 1)


def play(
    console: Console, env: Mapping[str, str], kill_targets: KillTargets | None, within_s: float = DEADLINE_S
) -> bool:
    """Plays the whole day and returns whether everything held at its end, of all that the day has brought about.

    Args:
        console: Where it is shown.
        env: The addresses of the hospital.
        kill_targets: Those that are killed in the rush hour; None to leave everybody in peace.
        within_s: In what time whatever must follow has to follow.
    """
    mark = f"demo-{uuid4().hex[:8]}"
    with (
        Hospital(env, within_s=within_s, mark=mark) as hospital,
        Traffic(env, mark, within_s) as traffic,
    ):
        narrator = Narrator(traffic, console, mark)
        Day(hospital, narrator).play()

        narrator.section("Latency: from the POST to accepted, one after the other")
        latency = measure(hospital, narrator)
        narrator.say(f"[{'green' if latency.meets_goals else 'yellow'}]{latency}[/]")

        narrator.section(
            "The rush hour" if kill_targets is None else "The rush hour: processes are killed (SIGKILL) in it"
        )
        if kill_targets is None:
            narrator.say("Nobody is killed here: others may be using this hospital.")
        outcomes = Load(hospital, narrator, kill_targets).run()
        narrator.say(", ".join(f"{count} {what}" for what, count in sorted(outcomes.items())))
        narrator.say(f"The client repeated {hospital.ask.repeated} requests, each with its Idempotency-Key.")

        narrator.section("Audit: what must hold after any fault has healed, of all that this day has brought about")
        verdict = audit(
            narrator, ShareCollector(env, hospital.ask, mark, hospital.ledger, traffic.heard), hospital.ledger
        )
        narrator.section("Summary")
        console.print(summary(narrator, hospital.ledger, latency, verdict))
        return not verdict.violations


def audit(narrator: Narrator, collector: ShareCollector, ledger: Ledger) -> Verdict:
    """Waits until all that the day has begun is at rest, checks everything and prints what was found.

    Raises:
        NotAtRest: It does not come to rest.
    """
    with narrator.console.status("waiting until nothing of it is under way any more") as status:
        took_s = collector.await_quiescence(
            QUIESCENT_WITHIN_S, on_look=lambda left: status.update(left[0] if left else "at rest")
        )
        narrator.say(f"At rest after {took_s:.1f} s")
        facts = collector.facts()
    verdict = judge(facts, ledger)
    print_verdict(narrator.console, verdict, facts)
    return verdict


def summary(narrator: Narrator, ledger: Ledger, latency: Latency, verdict: Verdict) -> Table:
    """Returns what there was, in numbers."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, count in (
        ("deeds of the script", narrator.deeds),
        ("events, commands and replies that followed from them", narrator.messages),
        ("patients", len(ledger.names)),
        ("prescriptions", len(ledger.prescriptions)),
        ("admissions", len(ledger.admissions)),
        ("from the POST to accepted", f"p50 {latency.p50_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms"),
        ("rules checked", verdict.rules_checked),
        ("violations", len(verdict.violations)),
    ):
        table.add_row(name, str(count))
    return table


def _kill_targets(run_dir: RunDir, env: Mapping[str, str]) -> KillTargets | None:
    """Returns whom we can kill: the processes of this machine, or in a cluster the pods beside us, or nobody."""
    processes = Processes(run_dir, env)
    return processes if processes.known() else Pods.beside_us()


@contextmanager
def _hospital(console: Console, environment_file: Path | None) -> Iterator[tuple[Mapping[str, str], RunDir]]:
    """Gives a hospital: the one that runs already, or one of our own that is stopped at the end."""
    if environment_file is not None:
        yield read_environment(environment_file), RunDir(environment_file.parent)
        return
    section(console, "The hospital opens")
    run_dir = RunDir(RunDir().path / "demo")

    def announce(line: str) -> None:
        console.print(f"  {line}", markup=False, highlight=False)

    with running_hospital(run_dir.path, port_base=port_base(), fresh=True, announce=announce) as hospital:
        yield hospital.env, run_dir


def _last_line(passed: bool) -> str:
    if passed:
        return "[bold green]Everything held.[/]"
    return "[bold red]Not everything held: see the violations above.[/]"


if __name__ == "__main__":
    main()
