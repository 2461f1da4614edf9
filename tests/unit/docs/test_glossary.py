"""Every term of the glossary lives where its last column says."""

import re
from collections.abc import Iterator

import pytest

from local.rundir import REPOSITORY

_ROW = re.compile(r"^\| .* \| .* \| (?P<place>.*) \|$", re.MULTILINE)
_PRODUCTS = {
    "library": ["infirmary"],
    "relay": ["relay/infirmary_relay"],
    "streams": ["infirmary_streams"],
    "each service": ["services/patient"],
}


def places() -> Iterator[tuple[str, str]]:
    """Yields each (product, module) of the last column, for example (`library`, `consumer.sequence`)."""
    for row in _ROW.finditer((REPOSITORY / "docs/glossary.md").read_text()):
        for part in row["place"].split(";"):
            words, *names = re.split(r",? ?`", part.strip().replace("`,", ","), maxsplit=1)
            for product in words.split(" and "):
                if product in _PRODUCTS:
                    for name in re.findall(r"[\w./]+", "".join(names)):
                        yield product, name


@pytest.mark.parametrize(("product", "name"), sorted(set(places())))
def test_a_term_lives_where_the_glossary_says(product: str, name: str) -> None:
    path = name.rstrip("/").replace(".", "/")
    folders = [REPOSITORY / folder for folder in _PRODUCTS[product]]
    found = [each for folder in folders for each in (*folder.rglob(f"{path}.py"), *folder.rglob(path))]
    assert found, f"no {name} in {folders}"
