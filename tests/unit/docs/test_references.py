"""Whatever a page, a docstring or a comment refers to exists: files, pages, headings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.pages import Page
from tests.contract.tenth_service import steps

ROOT = Path(__file__).resolve().parents[3]
LEFT_OUT = {".git", ".run", ".venv", "node_modules", "__pycache__"}
SUFFIXES = {".md", ".py", ".sh", ".sql", ".yaml", ".yml", ".tpl", ".toml", ".json"}

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
PAGE = re.compile(r"(?<![\w./<>*{}$-])[\w./-]*\w\.md\b")
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|yml|sh|sql|json|toml|tpl))`")
TARGET = re.compile(r"(?:`|^)(?:[A-Z_]+=\S+ +)*make ([a-z][a-z0-9-]*)", re.MULTILINE)
MODULE = re.compile(r"python -m ((?:services|infirmary_relay|audit|demo|local|benchmarks|tests)(?:\.\w+)*)")
NUMBERED = re.compile(r"\b[Ss]ections? \d")
OF_A_SPECIFICATION = re.compile(r"[Ss]pecification|RFC|AMQP")


def files() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        is_ours = not LEFT_OUT & set(parts) and not any(part.endswith("_cache") for part in parts)
        if is_ours and path.suffix in SUFFIXES and path.is_file() and path != Path(__file__).resolve():
            yield path


FILES = list(files())
OF_THE_TENTH = {  # what `make services` writes for the service of docs/add-a-service.md
    "charts/services/pharmacist.yaml",
    "charts/production/pharmacist.yaml",
    "k8s/production/databases/counsellings.yaml",
}
FOLLOWED = {name for page in ("library.md", "flask-sqlalchemy.md") for name in Page(page).files()}
TO_BE_WRITTEN = {name for name, _, _ in steps()} | OF_THE_TENTH | FOLLOWED | {"canteen.py"}


def text_of(path: Path) -> str:
    return path.read_text(errors="replace")


def exists(name: str, seen_from: Path) -> bool:
    ours = (ROOT / "relay" / "infirmary_relay", ROOT / "infirmary", ROOT / "infirmary_streams", ROOT / "services")
    folders = (ROOT, ROOT / "docs", seen_from.parent, *ours)
    return name in TO_BE_WRITTEN or any((folder / name).exists() for folder in folders)


def headings(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    lines = re.findall(
        r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", line.strip().lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", [path for path in FILES if path.suffix == ".md"], ids=lambda path: path.name)
def test_every_link_of_the_page_leads_somewhere(page: Path) -> None:
    for name, heading in LINK.findall(text_of(page)):
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.relative_to(ROOT)} links to {name}"
        assert not heading or heading in headings(target), f"{page.relative_to(ROOT)} links to {name}#{heading}"


def test_every_page_that_is_spoken_of_exists() -> None:
    missing = [
        f"{path.relative_to(ROOT)} speaks of {name}"
        for path in FILES
        for name in PAGE.findall(text_of(path))
        if not exists(name, path)
    ]
    assert missing == []


def test_every_file_that_a_page_names_exists() -> None:
    missing = [
        f"{path.relative_to(ROOT)} names {name}"
        for path in FILES
        if path.suffix == ".md" and path.name != "CHANGELOG.md"
        for name in PATH.findall(text_of(path))
        if not exists(name, path)
    ]
    assert missing == []


@pytest.mark.parametrize("page", [path for path in FILES if path.suffix == ".md"], ids=lambda path: path.name)
def test_every_command_of_the_page_can_be_given(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {target for target in TARGET.findall(text_of(page)) if target not in targets} == set()
    for module in MODULE.findall(text_of(page)):
        folder = ROOT / "relay" if module.startswith("infirmary_relay") else ROOT
        path = folder / module.replace(".", "/")
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists(), f"python -m {module}"


def test_a_numbered_section_is_that_of_a_specification() -> None:
    """Our own pages have headings, and no numbers by which to speak of them."""
    odd = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in FILES
        if path.suffix in {".md", ".py"}
        for line in text_of(path).splitlines()
        if NUMBERED.search(line) and not OF_A_SPECIFICATION.search(line)
    ]
    assert odd == []
