"""A hospital small enough to break in a test."""

from pathlib import Path

import pytest

from tests.contract.small_hospital import Hospital


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """Two services whose schemas are written and fit."""
    hospital = Hospital(tmp_path)
    assert hospital.working_copy.write() == []
    return hospital
