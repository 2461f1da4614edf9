"""PostgreSQL, RabbitMQ and MongoDB as context managers: `with PostgresServer(data_dir) as server: server.url`."""

from local.servers.base import Server
from local.servers.external import ExternalMongo, ExternalPostgres, ExternalRabbitMQ
from local.servers.mongodb import MongoServer
from local.servers.postgres import PostgresServer
from local.servers.rabbitmq import RabbitMQServer

__all__ = [
    "ExternalMongo",
    "ExternalPostgres",
    "ExternalRabbitMQ",
    "MongoServer",
    "PostgresServer",
    "RabbitMQServer",
    "Server",
]
