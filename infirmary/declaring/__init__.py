"""Checks of what a service declares, done at import: messages, handlers, who writes what."""
