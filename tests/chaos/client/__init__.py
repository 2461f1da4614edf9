"""The client: what people do over HTTP, and what other programs write over SQL, while faults are injected."""
