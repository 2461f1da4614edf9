"""Where the record of access goes, and the folder of what is still to be told of it."""

import os
import stat
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infirmary.access.spool import Spool
from infirmary.settings import Settings, refused

_OF_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where the record goes.

    Attributes:
        by: The service that keeps it.
        spool: The folder of the files that hold what is still to be told, from which it goes into one database.
        spool_bytes: How large the file of a process is.
    """

    by: str
    spool: Path
    spool_bytes: int


def recorded_of(service: str, settings: Settings) -> Recorded | None:
    """Returns where a service's record goes, with the folder made; None where there is no record.

    Raises:
        InvalidConfiguration: Ends the process: the folder cannot be used, has no room, or is not the API's alone.
    """
    if settings.access_recorded_by is None:
        return None
    folder = settings.access_spool or _usual(service, settings.database_url)
    try:
        folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise refused([f"ACCESS_SPOOL: should be a folder that the API may write in: {error}"]) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OF_OTHERS:
        raise refused([f"ACCESS_SPOOL: should be a folder that only the API's own user may open: {folder}"])
    try:
        Spool.new(folder, settings.access_spool_bytes).close()
    except OSError as error:
        raise refused([f"ACCESS_SPOOL: should have room for ACCESS_SPOOL_BYTES: {error}"]) from None
    return Recorded(settings.access_recorded_by, folder, settings.access_spool_bytes)


def _usual(service: str, database_url: str) -> Path:
    """Returns a folder that only those use who write into the same database, whatever password they have."""
    address = urlsplit(database_url)
    _, _, place = address.netloc.rpartition("@")
    database = sha256(f"{service} {place}{address.path}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"infirmary-{service}-{database}"
