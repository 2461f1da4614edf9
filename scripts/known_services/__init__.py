"""Writes what has to know every service, out of services/services.toml and the services' own folders."""
