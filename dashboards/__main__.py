"""`python -m dashboards` writes k8s/dashboards; with --check it says instead what there is not current."""

import sys
from pathlib import Path
from typing import Final

import click

from dashboards import apis, home, readers, relay, sagas
from dashboards.page import page

FOLDER: Final = Path(__file__).resolve().parents[1] / "k8s" / "dashboards"
ALL: Final = (home.PAGE, relay.PAGE, readers.PAGE, sagas.PAGE, apis.PAGE)


def files() -> dict[str, str]:
    """Returns the files that there ought to be, by name."""
    return {f"{dashboard.uid.removeprefix('infirmary-')}.json": page(dashboard) for dashboard in ALL}


def differences(folder: Path) -> list[str]:
    """Returns the names of files that are missing, old, or of no dashboard."""
    wanted = files()
    there = {path.name: path.read_text() for path in folder.glob("*.json")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if the files are not current.")
def main(check: bool) -> None:
    """Writes the dashboards' JSON."""
    different = differences(FOLDER)
    if check:
        if different:
            click.echo(
                f"Not current in k8s/dashboards: {', '.join(different)}. `make dashboards` writes them.", err=True
            )
        sys.exit(1 if different else 0)
    for name in different:
        path = FOLDER / name
        path.unlink(missing_ok=True)
        if name in files():
            path.write_text(files()[name])


if __name__ == "__main__":
    main()
