"""What the charts' files of values say of each service. Pure."""

from collections.abc import Iterable, Iterator

from local.topology import NODE_PORT_BASE, Engine, Service


def in_infra(services: Iterable[Service]) -> Iterator[str]:
    """Says who has a database and a user of the broker: the values of charts/infra."""
    for service in services:
        yield f"{service.name}: {{ database: {service.database}{_engine(service)} }}"


def of_one(service: Service) -> Iterator[str]:
    """Says what a service is: its values, below charts/services."""
    yield f"service: {service.name}"
    yield f"database: {{ name: {service.database}{_engine(service)} }}"
    yield f"api: {{ replicas: 1, nodePort: {NODE_PORT_BASE + service.number} }}"
    yield "consumer: { replicas: 1 }"
    yield "relay: { replicas: 1 }" if service.has_relay else "relay: { enabled: false }  # it publishes nothing"


def of_one_in_production(service: Service) -> Iterator[str]:
    """Says where the operators' Secrets and pods are: the values below charts/production."""
    name = service.resource
    if service.engine is Engine.MONGODB:
        pods, secret, key = f"app: {name}-svc", f"{name}-address", "connectionString.standard"
    else:
        pods, secret, key = f"cnpg.io/cluster: {name}", f"{name}-app", "uri"
    yield f"database: {{ podSelector: {{ {pods} }} }}"
    yield "credentials:"
    yield f"  database: {{ secret: {secret}, key: {key} }}"
    yield f"  broker: {{ secret: {service.name}-broker, key: url }}"


def _engine(service: Service) -> str:
    return "" if service.engine is Engine.POSTGRESQL else f", engine: {service.engine}"
