"""The files, changes and commands of a page that a test follows."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_FILE = re.compile(r"^`(?P<name>\S+)`:\n\n```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGE = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page:
    """A page of docs/."""

    def __init__(self, name: str) -> None:
        self._text = (REPOSITORY / "docs" / name).read_text()

    def files(self) -> dict[str, str]:
        """Returns the text of every file by its name."""
        return {file["name"]: file["text"] for file in _FILE.finditer(self._text)}

    def write_files(self, folder: Path) -> None:
        """Writes every file of the page into a folder."""
        for name in self.files():
            self.write_file(folder, name)

    def write_file(self, folder: Path, name: str) -> None:
        """Writes one of them."""
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.files()[name])

    def commands(self) -> list[str]:
        """Returns every command of the page, in their order."""
        return [line for block in _COMMANDS.findall(self._text) for line in block.splitlines()]

    def changed_lines(self) -> list[str]:
        """Returns the lines that the page adds to its files, or puts in place of others."""
        (change,) = _CHANGE.findall(self._text)
        return [line for line in change.splitlines() if line.startswith("+") and not line.startswith("+++")]

    def change_files(self, folder: Path) -> None:
        """Makes the page's changes in the files of a folder."""
        (change,) = _CHANGE.findall(self._text)
        subprocess.run(["git", "apply", "-p0", "-"], input=change, text=True, cwd=folder, check=True)
