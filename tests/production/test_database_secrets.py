"""Each process has a role in production's databases, whose Secret is made by the script that docs/growing.md names."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from local.topology import SERVICES, Engine
from scripts.database_secrets import KIND, secrets

DATABASES = Path(__file__).resolve().parents[2] / "k8s/production/databases"
ON_POSTGRESQL = [service for service in SERVICES if service.engine is Engine.POSTGRESQL]


def made(kept: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in secrets(SERVICES, kept or {}, "here")}


def test_every_role_that_a_database_asks_for_has_a_secret_of_its_own_and_no_other_is_made() -> None:
    asked_for: dict[str, str] = {}
    for service in ON_POSTGRESQL:
        cluster = yaml.safe_load((DATABASES / f"{service.resource}.yaml").read_text())
        roles = cluster["spec"]["managed"]["roles"]
        assert all(role["login"] for role in roles)
        asked_for |= {role["passwordSecret"]["name"]: role["name"] for role in roles}
    assert {name: each["stringData"]["username"] for name, each in made().items()} == asked_for
    assert {each["type"] for each in made().values()} == {KIND}


def test_an_address_leads_its_process_to_the_database_as_the_role() -> None:
    said = made({"ward-relay-credentials": "p@ss/word"})["ward-relay-credentials"]["stringData"]
    assert said["DATABASE_URL"] == "postgresql://wards_relay:p%40ss%2Fword@wards-rw.here.svc:5432/wards"


def test_who_has_a_password_keeps_it_and_no_two_who_are_new_share_one() -> None:
    kept = made({"lab-api-credentials": "old"})["lab-api-credentials"]["stringData"]
    assert (kept["password"], urlsplit(kept["DATABASE_URL"]).password) == ("old", "old")
    passwords = {each["stringData"]["password"] for each in made().values()}
    assert len(passwords) == 3 * len(ON_POSTGRESQL)
