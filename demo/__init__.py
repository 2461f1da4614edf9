"""A day in the hospital, played from outside over HTTP."""
