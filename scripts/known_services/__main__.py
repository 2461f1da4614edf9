"""`python -m scripts.known_services` writes what has to know every service; with --check it says what is old."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Final

import click

from local.errors import LocalError
from local.topology import DEFAULT_PORT_BASE, NODE_PORT_BASE, SERVICES, check_services
from scripts.chart_readme import readme
from scripts.known_services import charts, production, realm, skaffold
from scripts.known_services.blocks import new_block, with_blocks
from scripts.known_services.interfaces import hospital, paths_of

ROOT: Final = Path(__file__).resolve().parents[2]
DATABASE: Final = Path(__file__).with_name("database.yaml")


def blocks() -> dict[str, dict[str, Iterable[str]]]:
    """Returns the lines of each block, by the file that it is in and by its name."""
    names = ",".join(sorted(each.name for each in SERVICES))
    paths = {each.name: paths_of(each, ROOT / "services") for each in SERVICES}
    found: dict[str, dict[str, Iterable[str]]] = {
        "charts/infra/values.yaml": {"services": charts.in_infra(SERVICES)},
        "skaffold.yaml": {
            "images": skaffold.images(SERVICES),
            "releases": skaffold.releases(SERVICES),
            "TLS": skaffold.with_tls(SERVICES),
            "values in production": skaffold.production_values(SERVICES),
        },
        "k8s/kind.yaml": {"ports of APIs": production.kind_ports(SERVICES, NODE_PORT_BASE, DEFAULT_PORT_BASE)},
        "k8s/production/kustomization.yaml": {"databases": production.resources(SERVICES)},
        "k8s/production/backup/schedules.yaml": {"backups": production.backups(SERVICES)},
        "k8s/production/routes/routes.yaml": {"routes": production.routes(paths)},
        "k8s/production/auditor/auditor.yaml": {"services": [f'- {{ name: SERVICES, value: "{names}" }}']},
    }
    for each in SERVICES:
        found[f"charts/services/{each.name}.yaml"] = {"service": charts.of_one(each)}
        found[f"charts/production/{each.name}.yaml"] = {"service": charts.of_one_in_production(each)}
    return found


def files(root: Path = ROOT) -> dict[str, str]:
    """Returns the files that there ought to be, by their paths.

    A database's manifest in production is only begun: it may be changed afterwards.

    Args:
        root: Where the files are that the blocks are in.

    Raises:
        LookupError: One lacks a block that should be in it; the message says which.
    """
    found = {path: _written(root / path, of_file) for path, of_file in blocks().items()}
    found["audit/hospital.json"] = hospital(SERVICES, ROOT / "services")
    found["charts/infra/files/realm.json"] = realm.text()
    begun = Template(DATABASE.read_text())
    for each in production.on_postgresql(SERVICES):
        path = root / f"k8s/production/databases/{each.resource}.yaml"
        found[str(path.relative_to(root))] = (
            path.read_text()
            if path.exists()
            else begun.substitute(service=each.name, resource=each.resource, database=each.database)
        )
    return found


def differences(root: Path = ROOT) -> dict[str, str]:
    """Returns the files that are missing or not current, by their paths, with what they should hold."""
    return {
        path: text
        for path, text in files(root).items()
        if not (root / path).exists() or (root / path).read_text() != text
    }


def _written(path: Path, of_file: Mapping[str, Iterable[str]]) -> str:
    text = path.read_text() if path.exists() else "".join(map(new_block, of_file))
    try:
        return with_blocks(text, of_file)
    except LookupError as error:
        raise LookupError(f"{path}: {error}") from None


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is not current.")
def main(check: bool) -> None:
    """Writes what has to know every service."""
    try:
        check_services()
        different = differences()
    except (LocalError, LookupError) as error:
        raise click.ClickException(str(error)) from None
    if check:
        if different:
            click.echo(
                f"Not what services/services.toml says: {', '.join(different)}. `make services` writes them.", err=True
            )
        sys.exit(1 if different else 0)
    for path, text in different.items():
        (ROOT / path).write_text(text)
        click.echo(f"{path} is written")
    if "charts/infra/values.yaml" in different:
        (ROOT / "charts/infra/README.md").write_text(readme("infra"))


if __name__ == "__main__":
    main()
