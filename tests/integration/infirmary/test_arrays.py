"""Arrays arrive as they were given, whatever their elements are: PostgreSQL is asked."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.infirmary.conftest import Counting

_TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
_AWKWARD = st.sampled_from(["", '"', "\\", "NULL", "null", "{}", ",", " ", "\n", '","', "\u2003", "\\x00"])
ELEMENTS = {
    "text": st.one_of(_TEXTS, _AWKWARD),
    "bytea": st.binary(max_size=8),
    "uuid": st.uuids(),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
}


@pytest.mark.parametrize("kind", ELEMENTS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_array_arrives_as_it_was_given(counting: Counting, kind: str, data: st.DataObject) -> None:
    given_elements: list[Any] = data.draw(st.lists(st.one_of(ELEMENTS[kind], st.none()) | ELEMENTS[kind], max_size=5))
    with counting.transaction() as tx:
        assert tx.value(f"SELECT %(elements)s::{kind}[]", elements=given_elements) == given_elements


def test_a_text_that_cannot_be_stored_is_refused(counting: Counting) -> None:
    with counting.transaction() as tx, pytest.raises(Exception, match="NUL"):
        tx.value("SELECT %(elements)s::text[]", elements=["a\0b"])
