"""Writes the OpenAPI document of each service into a folder: `python -m scripts.openapi_documents .run/openapi`."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click

from infirmary.http.app import Storage, create_app
from local.topology import SERVICES


def document_of(service: str) -> dict[str, Any]:
    """Returns a service's document; an application needs no database to tell it."""
    nowhere = cast("Storage", None)
    app = create_app(import_module(f"services.{service}.api").api, nowhere)
    found: dict[str, Any] = app.test_client().get("/openapi.json").get_json()
    return found


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(folder: Path) -> None:
    """Write the documents of all services into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        (folder / f"{service.name}.json").write_text(json.dumps(document_of(service.name), indent=1))


if __name__ == "__main__":
    main()
