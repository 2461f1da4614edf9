"""Passwords that are made once and kept in a file only its owner can read."""

import json
import os
import secrets
import threading
from pathlib import Path


class Credentials:
    """The passwords of one data directory, by name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def password(self, name: str) -> str:
        """Returns the password kept under the name, a new one the first time. URL-safe."""
        with self._lock:
            known: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
            if name not in known:
                known[name] = secrets.token_urlsafe(24)
                write_private(self._path, json.dumps(known, indent=2))
            return known[name]


def write_private(path: Path, text: str) -> None:
    """Replaces the file in one step; nobody else can read it at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
