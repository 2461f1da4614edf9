"""PostgreSQL, RabbitMQ and MongoDB as context managers: `with PostgresServer(data_dir) as server: server.url`."""

from local.servers.base import Server
from local.servers.given import GivenMongo, GivenPostgres, GivenRabbitMQ
from local.servers.mongodb import MongoServer
from local.servers.postgres import PostgresServer
from local.servers.rabbitmq import RabbitMQServer

__all__ = [
    "GivenMongo",
    "GivenPostgres",
    "GivenRabbitMQ",
    "MongoServer",
    "PostgresServer",
    "RabbitMQServer",
    "Server",
]
