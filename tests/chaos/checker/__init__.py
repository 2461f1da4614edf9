"""The checker: pure functions over what was recorded and what is in the databases and logs at the end."""
