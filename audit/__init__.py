"""Checks that a hospital at rest is consistent: facts come over HTTP, SQL and AMQP; pure functions judge them."""
