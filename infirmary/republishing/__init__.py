"""Telling the state of a service's aggregates again: for readers that are new, rebuilt, or lack what expired."""
