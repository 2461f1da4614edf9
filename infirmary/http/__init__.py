"""The HTTP side of a service: validation, problem details, idempotency keys, OpenAPI, probes and metrics."""
