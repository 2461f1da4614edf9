"""What production's manifests say of each service and of its database. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from local.topology import Engine, Service

FIRST_BACKUP_MINUTE = 60
BACKUPS_APART_MINUTES = 15
MINUTES_OF_A_DAY = 24 * 60


def resources(services: Iterable[Service]) -> Iterator[str]:
    """Says which PostgreSQL clusters there are. MongoDB's has rights and Secrets of its own beside it."""
    for service in on_postgresql(services):
        yield f"- databases/{service.resource}.yaml"


def backups(services: Iterable[Service]) -> Iterator[str]:
    """Says when each database is backed up, one after the other."""
    for place, service in enumerate(on_postgresql(services)):
        minute = (FIRST_BACKUP_MINUTE + place * BACKUPS_APART_MINUTES) % MINUTES_OF_A_DAY
        yield from ["---"] if place else []
        yield "apiVersion: postgresql.cnpg.io/v1"
        yield "kind: ScheduledBackup"
        yield f"metadata: {{ name: {service.resource} }}"
        yield "spec:"
        yield f'  schedule: "0 {minute % 60} {minute // 60} * * *"'
        yield "  immediate: true"
        yield "  backupOwnerReference: self"
        yield f"  cluster: {{ name: {service.resource} }}"
        yield "  method: plugin"
        yield "  pluginConfiguration: { name: barman-cloud.cloudnative-pg.io }"


def routes(paths: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Says which service answers what begins with a path.

    Args:
        paths: The first parts of the paths of each service's endpoints, by its name.
    """
    for service, beginnings in paths.items():
        for beginning in beginnings:
            yield f"- matches: [{{ path: {{ type: PathPrefix, value: /{beginning} }} }}]"
            yield f"  backendRefs: [{{ name: {service}, port: 80 }}]"


def kind_ports(services: Iterable[Service], node_port_base: int, port_base: int) -> Iterator[str]:
    """Says which ports of this machine lead to the APIs in a cluster of kind."""
    for service in services:
        node_port = node_port_base + service.number
        for port in (port_base + service.number, node_port):
            yield f"- {{ containerPort: {node_port}, hostPort: {port}, listenAddress: 127.0.0.1 }}"


def on_postgresql(services: Iterable[Service]) -> Iterator[Service]:
    """Leaves out whose database is another's."""
    return (service for service in services if service.engine is Engine.POSTGRESQL)
