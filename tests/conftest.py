"""What all tests share."""

from hypothesis import settings

# These machines are shared: how long one example takes says nothing.
settings.register_profile("infirmary", deadline=None)
settings.load_profile("infirmary")
