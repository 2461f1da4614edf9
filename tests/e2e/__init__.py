"""The whole hospital, over HTTP, on real servers and with real processes."""
