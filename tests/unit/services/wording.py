"""Texts and numbers as the API takes them, for what a service may come to hold or hear."""

from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from infirmary.fields import Name, ShortText

_characters = st.characters(codec="utf-8", exclude_categories=["Cs"])


def _taken(kind: Any) -> st.SearchStrategy[str]:
    adapter: TypeAdapter[str] = TypeAdapter(kind)

    def is_taken(text: str) -> bool:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return False
        return True

    return st.text(_characters, max_size=40).filter(is_taken)


names = _taken(Name)
short_texts = _taken(ShortText)
codes = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
quantities = st.integers(1, 1_000_000)
