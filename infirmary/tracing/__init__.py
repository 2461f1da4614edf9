"""Correlation, causation and W3C Trace Context, and spans where OpenTelemetry is installed."""
