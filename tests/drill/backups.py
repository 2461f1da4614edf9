"""Backups of a service's database, and how they are put back: pg_dump's of PostgreSQL, all documents of MongoDB."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.collection import Collection

from local.servers.postgres import binaries


class Backup(Protocol):
    """A database, or all of a server, as it was at one moment."""

    def put_back(self) -> None:
        """Makes it what it was. Nobody may be using it."""


def take(url: str, file: Path) -> Backup:
    """Takes a backup of the database of that address.

    Args:
        url: The service's own.
        file: Where a dump may be kept.
    """
    return _documents(url) if url.startswith("mongodb") else _dump(url, file)


@dataclass(frozen=True, eq=False)
class _Dump:
    """A file of pg_dump, which is a snapshot whatever goes on meanwhile."""

    url: str
    file: Path

    def put_back(self) -> None:
        _run("pg_restore", "--clean", "--if-exists", "--single-transaction", "--dbname", self.url, str(self.file))


def _dump(url: str, file: Path) -> _Dump:
    _run("pg_dump", "--format=custom", "--file", str(file), "--dbname", url)
    return _Dump(url, file)


@dataclass(frozen=True, eq=False)
class _Documents:
    """All documents by collection. Each document is a transaction of its own, so each is whole."""

    url: str
    by_collection: dict[str, Sequence[RawBSONDocument]]

    def put_back(self) -> None:
        with _client(self.url) as client:
            database = client.get_default_database()
            for name in database.list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}}):
                collection: Collection[RawBSONDocument] = database[name]
                collection.delete_many({})
                if documents := self.by_collection.get(name):
                    collection.insert_many(documents)


def _documents(url: str) -> _Documents:
    with _client(url) as client:
        database = client.get_default_database()
        names = database.list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}})
        return _Documents(url, {name: list(database[name].find({})) for name in names})


def _client(url: str) -> MongoClient[RawBSONDocument]:
    return MongoClient(url, document_class=RawBSONDocument)


def _run(program: str, *words: str) -> None:
    done = subprocess.run([str(binaries() / program), *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{program} failed: {done.stderr}")
