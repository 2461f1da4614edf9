"""Tests of RabbitMQ's stream protocol, without a broker."""
