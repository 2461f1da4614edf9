"""Starts and stops the hospital on this machine: `python -m local up`, `down`, `status`."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from local.errors import LocalError
from local.hospital import running_hospital
from local.plan import check_ports
from local.readiness import is_ready
from local.rundir import REPOSITORY, RunDir
from local.servers.choice import erase_data, servers_for
from local.servers.zipkin import zipkin_for
from local.topology import ISSUER_PORT_OFFSET, SERVICES, Role, check_services, port_base

READY = "ready"


@click.group()
def cli() -> None:
    """The hospital on one machine."""


@cli.command()
def prepare() -> None:
    """Get the servers that are missing, and say which ones will be used."""
    run_dir = RunDir()
    for server in servers_for(run_dir.data, run_dir.logs, click.echo).all:
        click.echo(f"  uses {server.description}")


@cli.command()
@click.option("--foreground", is_flag=True, help="Stay, and stop everything on Ctrl-C.")
def up(foreground: bool) -> None:
    """Start the hospital, wait until all of it is ready, and leave it running."""
    run_dir = RunDir()
    if (holder := run_dir.holder()) is not None:
        click.echo(f"The hospital is running already (process {holder}).")
        _show_urls(run_dir)
    elif foreground:
        _run_until_told(click.echo, on_ready=lambda: _show_urls(run_dir))
    else:
        check_ports(port_base())
        _start_detached()
        _show_urls(run_dir)


@cli.command(hidden=True)
def serve() -> None:
    """Be the background process: say on standard output how the start goes, then write to a log."""

    def leave_starter() -> None:
        click.echo(READY)
        with (RunDir().logs / "supervisor.log").open("ab") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())

    _run_until_told(click.echo, on_ready=leave_starter)


@cli.command()
def down() -> None:
    """Stop the hospital; its data stays."""
    click.echo("Stopping the hospital")
    was_running = RunDir().stop_holder()
    click.echo("Everything is stopped, the data is kept." if was_running else "It was not running.")


@cli.command()
def erase() -> None:
    """Delete the data and the logs of all runs."""
    run_dir = RunDir()
    with run_dir.locked():
        erase_data(run_dir.data)
        erase_data(run_dir.path / "demo" / "data")
    shutil.rmtree(run_dir.path)


@cli.command()
def status() -> None:
    """Show every process: its id, its port and whether it is ready."""
    run_dir = RunDir()
    if run_dir.holder() is None:
        raise LocalError("the hospital is not running: `make up` starts it")
    ports = _ports(run_dir)
    table = Table("process", "pid", "port", "ready")
    for name, pid in run_dir.recorded().items():
        port = ports.get(name)
        table.add_row(name, str(pid), str(port or ""), "" if port is None else "yes" if is_ready(port) else "no")
    Console().print(table)


def _ports(run_dir: RunDir) -> dict[str, int]:
    """Returns the ports of the hospital that runs, by process, from the address of its first API."""
    first = urlsplit(run_dir.read_environment()["PATIENT_URL"]).port or 0
    base = first - SERVICES[0].port_offset(Role.API)
    return {"issuer": base + ISSUER_PORT_OFFSET} | {
        f"{service.name}-{role}": base + service.port_offset(role) for service in SERVICES for role in service.roles
    }


def _show_urls(run_dir: RunDir) -> None:
    environment = run_dir.read_environment()
    table = Table("service", "API", "documentation")
    for service in SERVICES:
        url = environment[f"{service.name.upper()}_URL"]
        table.add_row(service.name, url, f"{url}/docs")
    console = Console()
    console.print(table)
    if "ZIPKIN_URL" in environment:
        console.print(f"Traces: {environment['ZIPKIN_URL']}")
    if "HOSPITAL_TOKEN" in environment:
        console.print(
            "The APIs ask for a token: Authorization: Bearer $HOSPITAL_TOKEN, or that of a role", highlight=False
        )
    console.print(f"For a shell: set -a; . {run_dir.environment_file}; set +a", soft_wrap=True)
    console.print(f"Logs: {run_dir.logs}", soft_wrap=True)


def _start_detached() -> None:
    """Starts the background process and passes on what it says until all is ready.

    Raises:
        LocalError: it ended before that.
    """
    command = [sys.executable, "-m", "local", "serve"]
    child = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        for line in child.stdout or ():
            if line.strip() == READY:
                return
            click.echo(line, nl=False)
    except KeyboardInterrupt:
        child.terminate()
        child.communicate()
        raise
    raise LocalError(f"the hospital did not start (its process ended with {child.wait()})")


def _run_until_told(announce: Callable[[str], None], on_ready: Callable[[], None]) -> None:
    """Runs the hospital until a signal asks to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop_once)
    zipkin = zipkin_for(RunDir().logs / "zipkin.log", announce) if os.environ.get("TRACE") == "1" else None
    identity = os.environ.get("IDENTITY") != "off"
    with running_hospital(RunDir().path, port_base=port_base(), announce=announce, zipkin=zipkin, identity=identity):
        on_ready()
        while True:
            signal.pause()


def _stop_once(_number: int, _frame: FrameType | None) -> None:
    """Begins the stop; a second signal must not interrupt it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


if __name__ == "__main__":
    try:
        check_services()
        cli()
    except LocalError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
