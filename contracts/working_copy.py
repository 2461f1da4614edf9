"""The contracts as files in a working copy: writes them, and checks them."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from contracts import rules
from contracts.declarations import Catalogue
from contracts.history import BEFORE_LAST, LAST, blind_spot, committed_at, files_at, in_force_since
from contracts.messages_page import overview
from contracts.published_types import published
from contracts.saga_files import SAGAS
from contracts.saga_rules import stranded_sagas
from contracts.schema_files import committed, current
from infirmary.declaring.published import FILE

OVERVIEW = Path("docs/messages.md")


@dataclass
class Findings:
    """What a check has found.

    Attributes:
        breaking: Promises to readers that are broken.
        stale: Files that only need to be written anew.
        unread: Events that nobody reads; no fault.
        idle: Upcasters that nothing needs any more; no fault.
        unchecked: What could not be looked at, and why; no fault.
    """

    breaking: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


class WorkingCopy:
    """The schemas, the sagas and the overview of one working copy."""

    def __init__(self, root: Path, catalogue: Catalogue, handled: rules.Handled, kept_s: float = 30 * 86_400.0) -> None:
        """Looks at a working copy.

        Args:
            root: The folder that holds `services` and `docs`.
            catalogue: What the services declare.
            handled: Per service the classes that it has handlers for.
            kept_s: For how long logs keep messages, in seconds.
        """
        self._root, self._services, self._kept_s = root, root / "services", kept_s
        self._catalogue, self._handled = catalogue, handled

    def check(self) -> Findings:
        """Returns what is wrong with the files and with the declarations."""
        files = committed(self._services)
        found = Findings(unread=rules.unread_events(self._catalogue))
        found.breaking += self._refused(files)
        for revision in (LAST, BEFORE_LAST):
            before = committed_at(revision, self._services, files)
            found.breaking += rules.breaking_changes(self._catalogue, before, files)
            found.breaking += stranded_sagas(self._catalogue.sagas, files_at(revision, self._services, SAGAS))
        found.breaking += rules.unmet_readers(self._catalogue, files)
        found.breaking += self._unmet_by_the_past(files, found)
        found.breaking += rules.unreceived_commands(self._catalogue)
        found.breaking += rules.unhandled(self._catalogue, self._handled)
        found.breaking = list(dict.fromkeys(found.breaking))
        found.stale += rules.outdated(self._catalogue, files)
        for path, text in self._pages().items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                found.stale.append(f"{path.relative_to(self._root)}: is not what the code declares")
        return found

    def write(self) -> list[str]:
        """Writes every file anew, and deletes what no class declares any more.

        Returns:
            Why nothing was written: a promise to readers would be broken. Empty when all was written.
        """
        files = committed(self._services)
        refused = self._refused(files)
        if refused:
            return refused
        wanted = current(self._catalogue)
        for path in set(files) - set(wanted):
            (self._services / path).unlink()
        for path, text in wanted.items():
            if files.get(path) != text:
                (self._services / path).parent.mkdir(parents=True, exist_ok=True)
                (self._services / path).write_text(text, encoding="utf-8")
        for page, text in self._pages().items():
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
        return []

    def _unmet_by_the_past(self, files: rules.Files, found: Findings) -> list[str]:
        since = time.time() - self._kept_s
        unseen = blind_spot(since, self._services)
        if unseen is not None:
            found.unchecked.append(f"whether readers understand what logs keep from before: {unseen}")
        past = in_force_since(since, self._services, files)
        found.idle += [] if unseen is not None else rules.idle_upcasters(self._catalogue, past)
        return rules.unmet_by_the_past(self._catalogue, files, past, self._kept_s)

    def _refused(self, files: rules.Files) -> list[str]:
        withdrawn = rules.withdrawn_while_read(self._catalogue, files)
        return rules.breaking_changes(self._catalogue, files, current(self._catalogue)) + withdrawn

    def _pages(self) -> dict[Path, str]:
        return {
            self._root / OVERVIEW: overview(self._catalogue),
            self._services / FILE: published(self._catalogue),
        }
