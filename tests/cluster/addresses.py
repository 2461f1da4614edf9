"""Where everything in the cluster is to be found from here, under the names that the demo and the audit know."""

from urllib.parse import urlsplit, urlunsplit

from local.topology import SERVICES
from tests.cluster.cluster import Cluster
from tests.cluster.port_forward import PortForward


def addresses(cluster: Cluster, forwards: dict[str, PortForward]) -> dict[str, str]:
    """Returns `PATIENT_URL`, `PATIENT_DATABASE_URL` and so on, and `RABBITMQ_URL`, the administrator's.

    The APIs are at their NodePorts of localhost, the servers behind forwarded ports.
    """
    found = {"RABBITMQ_URL": through(cluster.secret("rabbitmq-administrator")["url"], forwards)}
    for service in SERVICES:
        prefix = service.name.upper()
        found[f"{prefix}_URL"] = f"http://127.0.0.1:{cluster.node_port(service.name)}"
        found[f"{prefix}_DATABASE_URL"] = through(
            cluster.secret(f"{service.name}-credentials")["DATABASE_URL"], forwards
        )
    return found


def through(url: str, forwards: dict[str, PortForward]) -> str:
    """Returns the same address, through the forwarded port of its server."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    forward = forwards[str(parts.hostname)]
    return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{forward.port}"))
