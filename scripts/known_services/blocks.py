"""A block of lines that is written, in a file that is otherwise somebody's own. Pure."""

import re
from collections.abc import Iterable, Mapping

_BEGIN = "# begin of {name}: `make services` writes these lines"
_END = "# end of {name}"


def with_blocks(text: str, blocks: Mapping[str, Iterable[str]]) -> str:
    """Returns a file with its blocks written anew.

    Args:
        text: The file as it is.
        blocks: The lines of each block, by its name, indented as the line is that says where it begins.

    Raises:
        LookupError: The file has no such block.
    """
    for name, lines in blocks.items():
        begin, end = re.escape(_BEGIN.format(name=name)), re.escape(_END.format(name=name))
        found = re.search(rf"^(?P<indent> *){begin}\n(?P<lines>.*?)^ *{end}$", text, re.MULTILINE | re.DOTALL)
        if found is None:
            raise LookupError(f"there should be the lines {_BEGIN.format(name=name)!r} and {_END.format(name=name)!r}")
        written = "".join(f"{found['indent']}{line}\n" for line in lines)
        text = text[: found.start("lines")] + written + text[found.end("lines") :]
    return text


def new_block(name: str) -> str:
    """Returns a block without lines, for a file that begins with it."""
    return f"{_BEGIN.format(name=name)}\n{_END.format(name=name)}\n"
