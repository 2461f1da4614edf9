"""Two releases of a service at work on one database at once."""
