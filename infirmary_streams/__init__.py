"""RabbitMQ's stream protocol and the AMQP 1.0 messages that it carries, for those who publish to logs and read them.

Written from the protocol's description: rabbitmq-server, deps/rabbitmq_stream/docs/PROTOCOL.adoc. `frames` cuts and
makes frames, `commands` gives the conversations their words, `publishing` and `chunks` are for messages on their way in
and out, `sections` is AMQP 1.0: all pure. `opening` connects and logs in, `link` is the open connection.
"""

from typing import Final

__version__: Final = "0.1.0"
"""The project's; a test holds the two together."""
