"""The hospital's nine services and the chassis that they stand on."""

from typing import Final

__version__: Final = "0.1.0"
"""The project's; a test holds the two together."""
