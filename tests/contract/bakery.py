"""The files and the commands of docs/library.md."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/library.md").read_text()

_FILE = re.compile(r"^`(?P<name>\S+)`:\n\n```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """Returns the text of every file by its name."""
    return {file["name"]: file["text"] for file in _FILE.finditer(PAGE)}


def write_files(folder: Path) -> None:
    """Writes every file of the page into a folder."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commands() -> list[str]:
    """Returns every command of the page, in their order."""
    return [line for block in _COMMANDS.findall(PAGE) for line in block.splitlines()]
