"""The rules by which Prometheus judges the hospital: one source in `rules/`, rendered for each installation."""
