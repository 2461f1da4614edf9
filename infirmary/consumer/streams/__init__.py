"""Reads logs by RabbitMQ's stream protocol."""
