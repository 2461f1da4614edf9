"""Takes every step of docs/add-a-service.md in a copy of this repository.

To run all tests with the tenth service in place, which takes as long as `make test`:

    python -m tests.contract.tenth_service /tmp/tenth && make -C /tmp/tenth contracts services check test
"""

import re
import shutil
import sys
from pathlib import Path

from local.topology import SERVICES

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = "docs/add-a-service.md"
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".run", ".venv", "__pycache__", ".hypothesis", ".pytest_cache", ".ruff_cache"
)

_STEP = re.compile(
    r"^(?:`(?P<file>\S+)`|In `(?P<changed>\S+)`, below the last `(?P<anchor>[^`]+)`):\n\n```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def steps() -> list[tuple[str, str | None, str]]:
    """Returns (file, the line below which it goes or None for a new file, text) for each step, in their order."""
    page = (REPOSITORY / PAGE).read_text().partition("## A Flask service of your own")[0]
    return [
        (step["file"] or step["changed"], step["anchor"], _renumbered(step["text"])) for step in _STEP.finditer(page)
    ]


def _renumbered(text: str) -> str:
    """Gives the page's service the next number, where a tenth service, or more, is there already."""
    return text.replace("number = 11,", f"number = {max(service.number for service in SERVICES) + 1},")


def copy_with_tenth_service(root: Path) -> None:
    """Copies the repository, without what was made by running it, and takes the steps in the copy.

    Raises:
        LookupError: A step speaks of a line that is not there.
        FileExistsError: The folder is there already, or a step would write over a file.
    """
    shutil.copytree(REPOSITORY, root, symlinks=True, ignore=NOT_COPIED)
    (root / ".venv").symlink_to((REPOSITORY / ".venv").resolve())
    for name, anchor, text in steps():
        path = root / name
        if anchor is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x") as file:
                file.write(text)
        else:
            path.write_text(_with_lines_below(path.read_text(), anchor, text, name))


def _with_lines_below(whole: str, anchor: str, text: str, name: str) -> str:
    lines = whole.splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if anchor in line]
    if not found:
        raise LookupError(f"{PAGE} speaks of a line with {anchor!r} in {name}, and there is none")
    lines.insert(found[-1] + 1, text)
    return "".join(lines)


if __name__ == "__main__":
    copy_with_tenth_service(Path(sys.argv[1]))
