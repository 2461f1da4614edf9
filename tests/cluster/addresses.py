"""Where everything in the cluster is to be found from here, under the names that the demo and the audit know."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from local.topology import SERVICES
from tests.cluster.cluster import Cluster
from tests.cluster.port_forward import PortForward

TRUSTED = {"sslmode=verify-full": "sslrootcert", "tls=true": "tlsCAFile"}
"""How the address of a database that speaks TLS is told whom to trust."""


def addresses(cluster: Cluster, forwards: dict[str, PortForward], authority: Path | None) -> dict[str, str]:
    """Returns `PATIENT_URL`, `PATIENT_DATABASE_URL` and so on, and `RABBITMQ_URL`, the administrator's.

    The APIs are at their NodePorts of localhost, the servers behind forwarded ports.

    Args:
        cluster: The pods.
        forwards: The servers' ports.
        authority: The certificates to trust, where TLS is spoken.
    """
    found = {"RABBITMQ_URL": through(cluster.secret("rabbitmq-administrator")["url"], forwards, authority)}
    if authority is not None:
        found |= {"RABBITMQ_CA_FILE": str(authority), "API_CA_FILE": str(authority)}
    for service in SERVICES:
        prefix = service.name.upper()
        found[f"{prefix}_URL"] = api(cluster, service.name, authority)
        found[f"{prefix}_DATABASE_URL"] = through(
            cluster.secret(f"{service.name}-credentials")["DATABASE_URL"], forwards, authority
        )
    return found


def api(cluster: Cluster, service: str, authority: Path | None) -> str:
    """Returns where an API is asked from here."""
    return f"{'http' if authority is None else 'https'}://127.0.0.1:{cluster.node_port(service)}"


def through(url: str, forwards: dict[str, PortForward], authority: Path | None) -> str:
    """Returns the same address, through the forwarded port of its server."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    forward = forwards[str(parts.hostname)]
    words = [parts.query] if parts.query else []
    words += [f"{name}={authority}" for word, name in TRUSTED.items() if word in parts.query.split("&")]
    return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{forward.port}", query="&".join(words)))
