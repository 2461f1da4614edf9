"""The command `infirmary-relay`: runs a service's relay, prints what its database needs, or explains a row's header."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infirmary_relay import __version__

_FOLDER = Path(__file__).parent
_CHECK = "check-header"
_SCHEMA, _MONGO_SCHEMA = _FOLDER / "schema.sql", _FOLDER / "schema.mongo.js"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the arguments behind the command's name; None for what this process was started with.

    Returns:
        The exit status: 0, 1 when something is wrong in a header, or 2 when a setting is missing or wrong.

    Raises:
        SystemExit: the arguments are none of this command's, or ask for help.
    """
    parser = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [_CHECK]:
        from infirmary_relay.checking import check

        return check(given[1:])
    asked = parser.parse_args(given)
    if asked.service == "schema":
        sys.stdout.write((_MONGO_SCHEMA if asked.mongo else _SCHEMA).read_text())
        return 0
    if asked.mongo:
        parser.error("--mongo belongs to `schema`: the relay knows its database by DATABASE_URL")
    from infirmary_relay.running import run  # what is above needs none of the packages that a relay needs

    return run(asked.service)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="infirmary-relay",
        description="Moves the messages of a service's outbox to RabbitMQ, and deletes each only after its confirm.",
        epilog="Its settings are variables of the environment, DATABASE_URL and RABBITMQ_URL among them.",
    )
    parser.add_argument(
        "service",
        metavar=f"SERVICE|schema|{_CHECK}",
        help="the name of the service whose outbox it is; or `schema`: print the tables that the service needs; or "
        f"`{_CHECK}`: say what the header of a row holds, and what is wrong in it (`{_CHECK} --help`)",
    )
    parser.add_argument("--mongo", action="store_true", help="with schema: print the fields and indexes for MongoDB")
    parser.add_argument("--version", action="version", version=__version__)
    return parser
