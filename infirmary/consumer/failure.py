"""An error as it is told and kept: a sentence, and where in the code it happened. Pure."""

import traceback
from typing import Final

from infirmary.printable import cleaned
from infirmary.transport.envelope import MalformedMessage

MAX_ERROR_CHARACTERS: Final = 2000
MAX_TRACEBACK_CHARACTERS: Final = 8000
_FRAMES: Final = 12
_UNPRINTABLE: Final = "(its text cannot be had)"


def describe(error: BaseException) -> str:
    """Returns an error in one line of bounded length."""
    try:
        said = str(error)[:MAX_ERROR_CHARACTERS]
    except Exception:  # an error's own text is code like any other
        said = _UNPRINTABLE
    line = cleaned(f"{type(error).__name__}: {said}")
    return "; ".join(part.strip() for part in line.splitlines() if part.strip())[:MAX_ERROR_CHARACTERS]


def kept(error: BaseException) -> str:
    """Returns an error as it is kept with its message: the line, and below it the last calls that led to it.

    A message that cannot be read is nobody's bug here, so there are no calls to be shown.
    """
    if isinstance(error, MalformedMessage) or error.__traceback__ is None:
        return describe(error)
    calls = cleaned("".join(traceback.format_tb(error.__traceback__, limit=-_FRAMES))).rstrip()
    return f"{describe(error)}\n{calls[-MAX_TRACEBACK_CHARACTERS:]}"


def line_of(kept_error: str) -> str:
    """Returns the line of an error that was kept."""
    return kept_error.partition("\n")[0]


def calls_of(kept_error: str) -> str | None:
    """Returns the calls that led to an error that was kept, if they were."""
    return kept_error.partition("\n")[2] or None
