"""Builds the distribution as flit does, from a copy in which the package is a folder.

Here it is a link that leads out of this folder, and flit follows no such link. This one is ours; links inside the
package are left to flit, which refuses them.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flit_core.buildapi import build_sdist as _build_sdist
from flit_core.buildapi import build_wheel as _build_wheel
from flit_core.buildapi import (
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_wheel",
]

_PACKAGE = "infirmary_streams"
_MADE_BY_RUNNING = shutil.ignore_patterns("__pycache__")


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Builds a wheel into a directory and returns its name."""
    into = str(Path(wheel_directory).resolve())
    with _copy():
        return str(_build_wheel(into, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """Builds an archive of the source into a directory and returns its name."""
    into = str(Path(sdist_directory).resolve())
    with _copy():
        return str(_build_sdist(into, config_settings))


@contextlib.contextmanager
def _copy() -> Iterator[None]:
    """Works in a copy of the current directory, which is that of the distribution's source."""
    source = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / source.name
        shutil.copytree(source, copy, symlinks=True, ignore=_MADE_BY_RUNNING)
        if (copy / _PACKAGE).is_symlink():
            (copy / _PACKAGE).unlink()
            shutil.copytree(source / _PACKAGE, copy / _PACKAGE, symlinks=True, ignore=_MADE_BY_RUNNING)
        with contextlib.chdir(copy):
            yield
