"""The broker side for logs: RabbitMQ's stream protocol, with the same promises as the AMQP side has for queues."""
