"""One rule for the names of services, told at the first command."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary import registry
from infirmary.identifiers import service_name


@given(st.from_regex(r"[a-z][a-z0-9]{0,30}", fullmatch=True).filter(lambda name: len(name) > 8))
def test_letters_and_digits_with_a_letter_first_are_a_name(name: str) -> None:
    assert service_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Lab", "day-care", "day_care", "2nd", "lab ", "lab\n", "łab", "a" * 32, "lab.events", "lab;"]
)
def test_anything_else_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 31 lower-case letters and digits, a letter first, without - and _"):
        service_name(name)


@pytest.mark.parametrize("name", ["relay", "postgres", "public", "guest", "class", "import"])
def test_a_name_that_means_something_else_already_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the name is taken"):
        service_name(name)


def test_a_folder_that_cannot_be_a_service_is_told_at_the_first_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("daycare", "day_care"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "messages.py").touch()
    monkeypatch.setattr(registry, "folder", lambda: tmp_path)
    with pytest.raises(ValueError, match="a service cannot be called 'day_care'"):
        registry.names()


def test_every_service_here_has_such_a_name() -> None:
    assert [service_name(name) for name in registry.names()] == registry.names()
