"""Notifications: what people are told, once each. The service whose database is MongoDB."""
