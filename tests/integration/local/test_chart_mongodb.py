"""The script of charts/infra makes the users and roles of MongoDB that `make up` makes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from infirmary.mongo.granting import given_in
from infirmary.mongo.rights import rights_of
from infirmary.mongo.schema import create_collections
from infirmary.process_roles import Process
from infirmary.settings import Settings
from local.rundir import REPOSITORY
from local.servers.mongodb import MongoServer
from tests.integration.mongodb_rights import AnyMongo

SCRIPT = REPOSITORY / "charts" / "infra" / "files" / "database.sh"
NAME = "of_a_cluster"
PASSWORDS = {process: f"{process}-s-own" for process in Process}

Client = MongoClient[dict[str, Any]]


def run(server: MongoServer, folder: Path, owners: str) -> None:
    shell = folder / "mongosh"
    shell.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("mongosh.py")}" "$@"\n')
    shell.chmod(0o700)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "ADMINISTRATOR_PASSWORD": urlsplit(server.url).password or "",
        "MONGODB_PORT": str(server.port),
    }
    command = ["bash", str(SCRIPT), NAME, owners, *PASSWORDS.values()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def made(administrator: Client, users_of: str, name: str) -> Mapping[str, Any]:
    """Returns a database's users with their roles, and its roles with their privileges, by what follows its name."""
    users = administrator[users_of].command("usersInfo", 1)["users"]
    roles = administrator[name].command("rolesInfo", 1, showPrivileges=True)["roles"]
    return {
        "users": {
            each["user"].removeprefix(name): sorted(role["role"].removeprefix(name) for role in each["roles"])
            for each in users
            if each["user"].startswith(name)
        },
        "roles": {each["role"].removeprefix(name): given_in(name, each["privileges"]) for each in roles},
    }


def test_the_charts_users_may_what_those_of_one_machine_may(mongodb_server: AnyMongo, tmp_path: Path) -> None:
    if not isinstance(mongodb_server, MongoServer):
        pytest.skip("the script is for a server of which we are the administrator")
    mongodb_server.create_database("of_one_machine")
    mongodb_server.let_in("of_one_machine", list(Process))

    def address(user: str, password: str) -> str:
        return (
            f"mongodb://{user}:{password}@127.0.0.1:{mongodb_server.port}/{NAME}?directConnection=true&authSource=admin"
        )

    with Client(mongodb_server.url) as administrator:
        run(mongodb_server, tmp_path, "first")
        assert made(administrator, "admin", NAME) == made(administrator, "of_one_machine", "of_one_machine")
        create_collections("notification", Settings(database_url=address(NAME, "first")))
        run(mongodb_server, tmp_path, "second")  # it runs again with each change
        roles = made(administrator, "admin", NAME)["roles"]
    assert {process: roles[f"_{process}"] for process in Process} == {
        process: rights_of(process, "notifications") for process in Process
    }, "what the migration has given stays"
    passwords = {NAME: "second"} | {process.role_in(NAME): word for process, word in PASSWORDS.items()}
    for user, password in passwords.items():
        with Client(address(user, password)) as client:
            client.get_default_database()["notifications"].find_one()
