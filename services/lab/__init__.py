"""Lab results: what was found, of whom, and whether it is critical."""
