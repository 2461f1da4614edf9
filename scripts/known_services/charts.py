"""What the charts' files of values say of each service. Pure."""

from collections.abc import Iterable, Iterator

from local.plan import logs_read_by
from local.topology import NODE_PORT_BASE, RECORDED_BY, Engine, Service


def in_infra(services: Iterable[Service]) -> Iterator[str]:
    """Says who has a database and a user of the broker, and what that may read: the values of charts/infra."""
    for service in services:
        reads = ", ".join(logs_read_by(service.name))
        yield f"{service.name}: {{ database: {service.database}{_engine(service)}, reads: [{reads}] }}"


def of_one(service: Service) -> Iterator[str]:
    """Says what a service is: its values, below charts/services."""
    yield f"service: {service.name}"
    yield f"database: {{ name: {service.database}{_engine(service)} }}"
    yield f"api: {{ replicas: 1, nodePort: {NODE_PORT_BASE + service.number} }}"
    yield "consumer: { replicas: 1 }"
    yield "credentials: { database: { perProcess: true } }"
    if RECORDED_BY is not None:
        yield f"accessRecordedBy: {RECORDED_BY}"
    yield "relay: { replicas: 1 }" if service.has_relay else "relay: { enabled: false }  # it publishes nothing"


def of_one_in_production(service: Service) -> Iterator[str]:
    """Says where the operators' Secrets and pods are: the values below charts/production."""
    name = service.resource
    if service.engine is Engine.MONGODB:
        key = "connectionString.standard"
        pods, secret, processes = f"app: {name}-svc", f"{name}-address", f"perProcess: true, processKey: {key}"
    else:
        pods, secret, key, processes = f"cnpg.io/cluster: {name}", f"{name}-app", "uri", "perProcess: true"
    yield f"database: {{ podSelector: {{ {pods} }} }}"
    yield "credentials:"
    yield f"  database: {{ secret: {secret}, key: {key}, {processes} }}"
    yield f"  broker: {{ secret: {service.name}-broker, key: url }}"


def _engine(service: Service) -> str:
    return "" if service.engine is Engine.POSTGRESQL else f", engine: {service.engine}"
