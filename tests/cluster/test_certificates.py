"""Certificates are made anew, and everybody shows the new ones, nobody's process ended: as docs/kubernetes.md says."""

import socket
import ssl
import struct
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from demo.client import Hospital
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.cluster.port_forward import PortForward
from tests.eventually import eventually

FILES = {
    "postgresql": "/etc/certificate/tls.crt",
    "rabbitmq": "/etc/certificate/tls.crt",
    "mongodb": "/etc/certificate/tls.crt",
    "ward": "/etc/infirmary/api/tls.crt",
}
"""Where each has its certificate."""

ROLES = {"ward": "api"}
THERE_WITHIN_S = 180.0
SHOWN_WITHIN_S = 240.0
"""RabbitMQ looks at its files every two minutes."""

POSTGRESQLS_REQUEST_FOR_TLS = struct.pack("!ii", 8, 80877103)


def shown(server: str, port: int, authority: Path) -> bytes | None:
    """Returns the certificate by which a server proves its name, as DER; nothing while it is away."""
    trusting = ssl.create_default_context(cafile=authority)
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        if server == "postgresql":
            connection.sendall(POSTGRESQLS_REQUEST_FOR_TLS)
            assert connection.recv(1) == b"S"
        with trusting.wrap_socket(connection, server_hostname="localhost") as encrypted:
            return encrypted.getpeercert(binary_form=True)
    return None


def given(cluster: Cluster) -> dict[str, str]:
    """Returns what the Secrets hold."""
    return {server: cluster.secret(f"{server}-tls")["tls.crt"] for server in FILES}


def in_pods(cluster: Cluster) -> dict[str, str]:
    """Returns what the kubelet has put into the pods."""
    return {
        server: cluster.run_in(cluster.pod_name(server, ROLES.get(server)), "cat", file)
        for server, file in FILES.items()
    }


def see_to_certificates(cluster: Cluster) -> None:
    """Has done at once what is done every night."""
    name = f"certificates-{uuid4().hex[:8]}"
    kubectl = ("kubectl", "--namespace", NAMESPACE)
    try:
        for command in (
            ("create", "job", name, "--from", "cronjob/certificates"),
            ("wait", f"job/{name}", "--for", "condition=complete", "--timeout", "150s"),
        ):
            subprocess.run([*kubectl, *command], check=True, stdout=subprocess.DEVNULL)
    finally:
        subprocess.run([*kubectl, "delete", "job", name], check=True, stdout=subprocess.DEVNULL)


def have_the_kubelet_look(cluster: Cluster) -> None:
    """Changes pods in a word: the kubelet then looks at their Secrets at once, and otherwise every minute or two."""
    for server in FILES:
        changed = {"metadata": {"annotations": {"infirmary.dev/looked-at": uuid4().hex}}}
        cluster.core.patch_namespaced_pod(cluster.pod_name(server, ROLES.get(server)), NAMESPACE, changed)


def test_certificates_that_are_made_anew_are_shown_by_everybody_and_nobody_is_started_again(
    cluster: Cluster,
    env: Mapping[str, str],
    audited: Hospital,
    authority: Path | None,
    forwards: dict[str, PortForward],
) -> None:
    if authority is None:
        pytest.skip("nobody shows a certificate here: make deploy TLS=1")
    ports = {name: forward.port for name, forward in forwards.items()} | {"ward": urlsplit(env["WARD_URL"]).port or 0}
    before = given(cluster)
    instances = {server: cluster.ready_instances(server) for server in FILES}
    for server in FILES:
        cluster.core.delete_namespaced_secret(f"{server}-tls", NAMESPACE)
    see_to_certificates(cluster)
    anew = given(cluster)
    assert not set(anew.values()) & set(before.values())

    have_the_kubelet_look(cluster)
    eventually(lambda: in_pods(cluster) == anew, because="they are in the pods", within_s=THERE_WITHIN_S)
    see_to_certificates(cluster)  # the next night: now those are told who do not look by themselves
    expected = {server: ssl.PEM_cert_to_DER_cert(certificate) for server, certificate in anew.items()}

    def behind() -> list[str]:
        return [server for server, port in ports.items() if shown(server, port, authority) != expected[server]]

    eventually(lambda: not behind(), because="everybody shows the new one", within_s=SHOWN_WITHIN_S)
    assert {server: cluster.ready_instances(server) for server in FILES} == instances
    patient = audited.patient()
    audited.eventually(lambda: patient.chart, because="everybody trusts everybody", within_s=60)
