"""The schemas as they were committed, where there is a history to ask."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

LAST, BEFORE_LAST = "HEAD", "HEAD^"
"""What a change is held against. For a change that is about to be merged, the second is the main branch."""


def committed_at(revision: str, services: Path, paths: Iterable[Path]) -> dict[Path, str]:
    """Returns those of the files that a commit holds; none without git, a repository or that commit.

    Args:
        revision: A commit by one of git's names for it.
        services: The folder of the services.
        paths: Files, seen from that folder.
    """
    shown = {path: _shown(revision, services, path) for path in paths}
    return {path: text for path, text in shown.items() if text is not None}


def _shown(revision: str, services: Path, path: Path) -> str | None:
    try:
        shown = subprocess.run(
            ["git", "show", f"{revision}:./{path.as_posix()}"],
            cwd=services,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        return None
    return shown.stdout if shown.returncode == 0 else None
