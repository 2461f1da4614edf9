"""Whatever may hold what is still to be put on record is the API's alone, or it does not start."""

from pathlib import Path

import pytest

from infirmary.http.recorded import recorded_of
from infirmary.settings import InvalidConfiguration, Settings

URL = "postgresql://ward_api:one@127.0.0.1:5432/ward"


def settings(**more: object) -> Settings:
    return Settings.model_validate({"database_url": URL, "access_recorded_by": "audit", **more})


def test_without_a_record_there_is_no_folder() -> None:
    assert recorded_of("ward", settings(access_recorded_by=None)) is None


def test_a_folder_is_made_for_the_api_alone(tmp_path: Path) -> None:
    found = recorded_of("ward", settings(access_spool=tmp_path / "a" / "b"))
    assert found is not None
    assert found.spool.stat().st_mode & 0o777 == 0o700


def test_the_usual_folder_is_the_databases_whatever_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    urls = [URL, URL.replace("one", "another"), URL.replace("5432", "5433")]
    same, again, other = (recorded_of("ward", settings(database_url=url)) for url in urls)
    assert same == again != other


def test_a_folder_without_room_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidConfiguration):
        recorded_of("ward", settings(access_spool=tmp_path / "spool").model_copy(update={"access_spool_bytes": 2**62}))
    assert "should have room for ACCESS_SPOOL_BYTES" in capsys.readouterr().err
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("kind", ["open to others", "a link", "a file"])
def test_a_folder_that_is_not_the_apis_alone_is_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "spool"
    if kind == "a file":
        folder.touch()
    elif kind == "a link":
        (tmp_path / "somewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "somewhere")
    else:
        folder.mkdir()
        folder.chmod(0o755)
    with pytest.raises(InvalidConfiguration):
        recorded_of("ward", settings(access_spool=folder))
    assert "ACCESS_SPOOL: should be a folder" in capsys.readouterr().err
