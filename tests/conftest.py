"""What all tests share."""

import pytest
from hypothesis import settings

# These machines are shared: how long one example takes says nothing.
settings.register_profile("infirmary", deadline=None)
settings.load_profile("infirmary")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what is long: where files run side by side, nobody waits for the last one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
