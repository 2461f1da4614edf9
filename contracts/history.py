"""The schemas as they were committed, where there is a history to ask."""

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LAST, BEFORE_LAST = "HEAD", "HEAD^"
"""What a change is held against. For a change that is about to be merged, the second is the main branch."""

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "D": 86_400, "M": 30 * 86_400, "Y": 365 * 86_400}


@dataclass(frozen=True, slots=True)
class PastSchema:
    """A schema that was in force, and by which messages that logs still keep were written.

    Attributes:
        text: The schema.
        until: When the next one took its place, in seconds since 1970; None for the one that was committed last.
    """

    text: str
    until: float | None


def committed_at(revision: str, services: Path, paths: Iterable[Path]) -> dict[Path, str]:
    """Returns those of the files that a commit holds; none without git, a repository or that commit.

    Args:
        revision: A commit by one of git's names for it.
        services: The folder of the services.
        paths: Files, seen from that folder.
    """
    shown = {path: _shown(revision, services, path) for path in paths}
    return {path: text for path, text in shown.items() if text is not None}


def files_at(revision: str, services: Path, pattern: str) -> dict[Path, str]:
    """Returns the files of a commit whose paths match, whether they are still there or not.

    Args:
        revision: A commit by one of git's names for it.
        services: The folder of the services.
        pattern: What matches their paths, seen from that folder.
    """
    listed = (_git(services, "ls-tree", "-r", "--name-only", revision, ".") or "").splitlines()
    return committed_at(revision, services, [path for path in map(Path, listed) if path.match(pattern)])


def in_force_since(since: float, services: Path, paths: Iterable[Path]) -> dict[Path, list[PastSchema]]:
    """Returns the schemas that were in force at some time since, the newest first.

    What counts is when the main line got a commit, not when it was written: a merge counts as one.

    Args:
        since: In seconds since 1970.
        services: The folder of the services.
        paths: Files, seen from that folder.
    """
    changes = _changes(services)
    return {path: list(_versions(services, path, changes.get(path, []), since)) for path in paths}


def blind_spot(since: float, services: Path) -> str | None:
    """Returns why the history does not reach back so far, or None when it does."""
    if _git(services, "rev-parse", "HEAD") is None:
        return "there is no git history here"
    if (_git(services, "rev-parse", "--is-shallow-repository") or "").strip() != "true":
        return None
    times = (_git(services, "log", "--first-parent", "--format=%ct") or "").split()
    if times and float(times[-1]) <= since:
        return None
    return "this clone is shallow (git fetch --unshallow; fetch-depth: 0 in a workflow)"


def seconds_of(age: str) -> float:
    """Returns how long an age is that RabbitMQ understands, for example `30D`.

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"([1-9][0-9]*)([YMDhms])", age)
    if found is None:
        raise ValueError(f"RELAY_LOG_MAX_AGE should be a number and Y, M, D, h, m or s, not {age!r}")
    return float(found[1]) * _SECONDS[found[2]]


def _versions(services: Path, path: Path, changes: list[tuple[float, str]], since: float) -> Iterator[PastSchema]:
    until: float | None = None
    for at, commit in changes:
        if until is not None and until <= since:
            return
        text = _shown(commit, services, path)
        if text is not None:
            yield PastSchema(text, until)
        until = at


def _changes(services: Path) -> dict[Path, list[tuple[float, str]]]:
    """Returns when each schema was changed and by which commit, the newest first."""
    told = _git(
        services, "log", "--first-parent", "-m", "--format=%x00%ct %H", "--name-only", "--relative", "--", "*.json"
    )
    changes: dict[Path, list[tuple[float, str]]] = {}
    for entry in (told or "").split("\0")[1:]:
        head, *names = entry.split("\n")
        at, commit = head.split(" ")
        for name in filter(None, names):
            changes.setdefault(Path(name), []).append((float(at), commit))
    return changes


def _shown(revision: str, services: Path, path: Path) -> str | None:
    return _git(services, "show", f"{revision}:./{path.as_posix()}")


def _git(services: Path, *arguments: str) -> str | None:
    """Returns what git says, or None when it fails, or is not there."""
    try:
        ended = subprocess.run(
            ["git", *arguments], cwd=services, capture_output=True, text=True, encoding="utf-8", check=False
        )
    except FileNotFoundError:
        return None
    return ended.stdout if ended.returncode == 0 else None
