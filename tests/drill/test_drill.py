"""A short drill: databases are set back to other moments, restored, and everything is as it was."""

from pathlib import Path

import pytest

from tests.drill.run import run

SECONDS = 5.0


@pytest.mark.timeout(600)
def test_everything_is_as_it_was_after_one_database_was_set_back_each_was_and_a_whole_server_was(
    tmp_path: Path,
) -> None:
    assert run(tmp_path, seed=1, seconds=SECONDS, say=print) == []
