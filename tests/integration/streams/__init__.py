"""Tests of RabbitMQ's stream protocol, with a broker and with others who speak it."""
