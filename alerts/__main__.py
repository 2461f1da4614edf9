"""`python -m alerts` writes the rules of charts/infra and k8s/production; `--check` says whether they are current."""

import sys
from pathlib import Path
from typing import Any

import click
import yaml

from alerts.rendering import RUNBOOKS, Installation, groups, prometheus_rule

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# Made by `python -m alerts` out of alerts/rules. What each alert means and what to do: docs/runbooks.md.\n"

DEVELOPMENT = ROOT / "charts/infra/files/alerts.yaml"
PRODUCTION = ROOT / "k8s/production/alerts.yaml"


def committed() -> dict[Path, str]:
    """Returns what the files have to hold that are made out of the source."""
    return {
        DEVELOPMENT: text(groups(Installation.DEVELOPMENT)),
        PRODUCTION: text(prometheus_rule(groups(Installation.PRODUCTION))),
    }


def text(content: dict[str, Any]) -> str:
    """Returns the content as a file."""
    written: str = yaml.safe_dump(content, sort_keys=False, width=118, allow_unicode=True)
    return HEAD + written


@click.group(invoke_without_command=True)
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not current.")
@click.pass_context
def cli(context: click.Context, check: bool) -> None:
    """Write the rules of both installations."""
    if context.invoked_subcommand is not None:
        return
    for path, content in committed().items():
        if path.exists() and path.read_text() == content:
            continue
        if check:
            raise click.ClickException(f"{path.relative_to(ROOT)} is not what alerts/rules says: `python -m alerts`")
        path.write_text(content)
        click.echo(f"{path.relative_to(ROOT)} is written")


@cli.command()
@click.option("--times", default=1.0, show_default=True, type=click.FloatRange(min=0, min_open=True, max=1))
@click.option("--runbooks", default=RUNBOOKS, show_default=True, help="The address of that page.")
@click.option("--for", "installation", type=click.Choice([each.value for each in Installation]), default="development")
def show(times: float, runbooks: str, installation: str) -> None:
    """Print a file of rules, every time in it multiplied by --times: a test does not wait for minutes."""
    sys.stdout.write(text(groups(Installation(installation), factor=times, runbooks=runbooks)))


if __name__ == "__main__":
    cli()
