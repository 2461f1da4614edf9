"""The library of a service with a PostgreSQL database."""
