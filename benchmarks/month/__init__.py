"""A month in some minutes: days of traffic, each moved to its place in the month, and what is left of them."""
