"""What has to know every service is written out of the table, and nothing else of a file is touched."""

import shutil
from pathlib import Path

import pytest

from local.topology import Engine, Service
from scripts.known_services import charts, production, skaffold
from scripts.known_services.__main__ import ROOT, blocks, differences
from scripts.known_services.blocks import new_block, with_blocks

TENTH = Service("pharmacist", 10, "tenth_database")
ON_MONGODB = Service("canteen", 11, "meals", Engine.MONGODB, has_relay=False)
FILE = "a: 1\n  # begin of x: `make services` writes these lines\n  old\n  # end of x\nb: 2\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that have blocks, and those that are written whole, in another folder."""
    for path in (*blocks(), "audit/hospital.json", "charts/infra/files/realm.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copytree(ROOT / "k8s/production/databases", tmp_path / "k8s/production/databases")
    return tmp_path


def test_only_the_block_is_written_and_indented_as_its_beginning() -> None:
    assert with_blocks(FILE, {"x": ["new: {", "  y: 1 }"]}) == FILE.replace("  old\n", "  new: {\n    y: 1 }\n")


def test_a_file_without_its_block_is_refused_by_the_blocks_name() -> None:
    with pytest.raises(LookupError, match="begin of z"):
        with_blocks(FILE, {"z": []})


def test_a_file_that_is_not_there_begins_with_its_block() -> None:
    written = with_blocks(new_block("x"), {"x": ["y: 1"]})
    assert written.splitlines()[1:] == ["y: 1", "# end of x"]


def test_what_was_changed_in_a_block_is_named(copy: Path) -> None:
    assert differences(copy) == {}
    values = copy / "charts/infra/values.yaml"
    values.write_text(values.read_text().replace("{ database: wards, ", "{ database: rooms, "))
    (copy / "charts/services/lab.yaml").unlink()
    assert set(differences(copy)) == {"charts/infra/values.yaml", "charts/services/lab.yaml"}


def test_what_was_changed_besides_the_blocks_is_somebodys_own(copy: Path) -> None:
    for path in ("charts/services/billing.yaml", "k8s/production/databases/wards.yaml"):
        with (copy / path).open("a") as file:
            file.write("# ours\n")
    assert differences(copy) == {}


def test_a_database_that_is_not_there_is_begun(copy: Path) -> None:
    (copy / "k8s/production/databases/lab-results.yaml").unlink()
    ((path, text),) = differences(copy).items()
    assert (copy / path).name == "lab-results.yaml"
    assert "initdb: { database: lab_results, owner: lab_results }" in text


def test_each_engine_has_its_own_secret_in_production() -> None:
    here, there = (list(charts.of_one_in_production(each)) for each in (TENTH, ON_MONGODB))
    assert "  database: { secret: tenth-database-app, key: uri, perProcess: true }" in here
    key = "connectionString.standard"
    assert f"  database: {{ secret: meals-address, key: {key}, perProcess: true, processKey: {key} }}" in there
    assert list(production.resources([TENTH, ON_MONGODB])) == ["- databases/tenth-database.yaml"]


def test_who_writes_nothing_has_no_relay() -> None:
    assert any(line.startswith("relay: { enabled: false }") for line in charts.of_one(ON_MONGODB))
    assert "relay: { replicas: 1 }" in charts.of_one(TENTH)


def test_a_release_is_found_by_its_place_in_production() -> None:
    assert list(skaffold.production_values([ON_MONGODB, TENTH]))[2:] == [
        "- { op: add, path: /deploy/helm/releases/1/valuesFiles/-, value: charts/production/all.yaml }",
        "- { op: add, path: /deploy/helm/releases/1/valuesFiles/-, value: charts/production/pharmacist.yaml }",
    ]


def test_no_two_databases_are_backed_up_at_once() -> None:
    services = [Service(f"s{number}", number, f"d{number}") for number in range(1, 41)]
    at = [line for line in production.backups(services) if "schedule:" in line]
    assert len(set(at)) == len(services)
    assert at[:2] == ['  schedule: "0 0 1 * * *"', '  schedule: "0 15 1 * * *"']
