"""Metrics, readiness, probes and JSON logging of a process."""
