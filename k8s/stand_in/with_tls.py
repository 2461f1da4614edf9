#!/usr/local/bin/python
"""Stands before a mongod and a mongosh that take no notice of certificates, though their server speaks TLS."""

import argparse
import functools
import runpy
import sys
from pathlib import Path
from typing import Any

import pymongo
import secantus.server  # type: ignore[import-untyped]
from secantus import commands

PLAIN = Path("/opt/plain")


class Server(secantus.server.SecantusDBServer):  # type: ignore[misc]
    """Speaks TLS on its port for everybody, and reads its certificate again when it is told to."""

    pair: str | None = None
    """The file with certificate and key; without one there is no TLS."""

    def __init__(self, host: str, **given: Any) -> None:
        """Takes TLS for mongod's own server, and not for the one that is there for a moment to make the first user."""
        certified = self.pair if type(self) is not Server else None
        super().__init__(host, tls_cert_file=certified, tls_key_file=certified, **given)
        commands._HANDLERS["rotateCertificates"] = self._rotate

    def _rotate(self, _command: dict[str, Any], _context: object) -> dict[str, Any]:
        self._ssl_context.load_cert_chain(self.pair)
        return {"ok": 1.0}


parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
parser.add_argument("--tls", action="store_true")
for _option in ("--tlsCAFile", "--tlsCertificateKeyFile"):
    parser.add_argument(_option)
options, sys.argv[1:] = parser.parse_known_args()
Server.pair = options.tlsCertificateKeyFile
secantus.server.SecantusDBServer = Server
if options.tls:
    pymongo.MongoClient = functools.partial(pymongo.MongoClient, tls=True, tlsCAFile=options.tlsCAFile)  # type: ignore[misc, assignment]
runpy.run_path(str(PLAIN / Path(sys.argv[0]).name), run_name="__main__")
