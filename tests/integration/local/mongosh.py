"""As much of MongoDB's shell as the scripts of charts/infra use: one command of a database, on the server of a test.

Its commands are written as JavaScript, with bare keys and single quotes.
"""

import argparse
import json
import os
import re
import sys
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

_CALL = re.compile(r"db\.runCommand\((\{.*\})\)")
_KEY = re.compile(r"(?<=[{ ])(\w+):")


def main() -> None:
    """Gives the command; one that the server refuses ends with 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quiet", action="store_true")
    for option in ("--host", "--username", "--password", "--authenticationDatabase", "--eval"):
        parser.add_argument(option, required=True)
    parser.add_argument("database")
    given = parser.parse_args()
    call = _CALL.fullmatch(given.eval)
    if call is None:
        sys.exit(f"nobody has taught this shell: {given.eval}")
    command = json.loads(_KEY.sub(r'"\1":', call[1].replace("'", '"')))
    account = {"username": given.username, "password": given.password, "authSource": given.authenticationDatabase}
    with MongoClient[dict[str, Any]](port=int(os.environ["MONGODB_PORT"]), directConnection=True, **account) as client:
        try:
            client[given.database].command(command)
        except OperationFailure as refused:
            sys.exit(str(refused))


if __name__ == "__main__":
    main()
