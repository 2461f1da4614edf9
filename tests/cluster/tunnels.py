"""Leads a port of this machine to a server's pod, each connection on its own: `python -m tests.cluster.tunnels`.

`kubectl port-forward` leads all of them through one connection to Kubernetes, and ends with the first that the server
breaks off, as PostgreSQL does with each over TLS. It prints its port, and ends when its standard input does.
"""

import contextlib
import select
import socket
import ssl
import sys
import threading
from typing import Any, Final, cast

from kubernetes import client, config
from kubernetes.stream.ws_client import create_websocket
from websocket import ABNF, WebSocket, WebSocketConnectionClosedException, WebSocketException

from local.ports import LOOPBACK

DATA, ERROR = 0, 1
"""The channels of Kubernetes' protocol: a byte before each message says which is meant."""

CHUNK_BYTES: Final = 64 * 1024
WAITING_BYTES: Final = 1024 * 1024
"""So much may wait for a client that does not read; then the server has to wait."""

AWAY: Final = (OSError, WebSocketException, client.ApiException, LookupError)
"""What ends one connection and nothing else: its client tries again."""


class Pods:
    """The pods of one server, which come and go."""

    def __init__(self, namespace: str, server: str, port: str) -> None:
        """Prepares the way.

        Args:
            namespace: Where they are.
            server: Their `app.kubernetes.io/name`.
            port: A name out of their containers' ports, or a number.
        """
        config.load_kube_config()  # type: ignore[no-untyped-call, unused-ignore]
        self._api: Any = client.ApiClient()
        self._core: Any = client.CoreV1Api(self._api)
        self._namespace, self._server, self._port = namespace, server, port

    def connect(self) -> WebSocket:
        """Returns a stream to the port of one that is ready.

        Raises:
            LookupError: None is.
            ValueError: It has no such port.
            OSError, WebSocketException, kubernetes.client.ApiException: Kubernetes, or the pod, is away.
        """
        pod, port = self._target()
        configuration = self._api.configuration
        token = configuration.auth_settings().get("BearerToken")
        headers = {"sec-websocket-protocol": "v4.channel.k8s.io"} | ({"authorization": token["value"]} if token else {})
        host = configuration.host.replace("http", "ws", 1)
        url = f"{host}/api/v1/namespaces/{self._namespace}/pods/{pod}/portforward?ports={port}"
        stream: WebSocket = create_websocket(configuration, url, headers)  # type: ignore[no-untyped-call, unused-ignore]
        _link(stream).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def _target(self) -> tuple[str, int]:
        selector = f"app.kubernetes.io/name={self._server}"
        for pod in self._core.list_namespaced_pod(self._namespace, label_selector=selector).items:
            is_ready = any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or [])
            if is_ready and pod.metadata.deletion_timestamp is None:
                ports = {each.name: each.container_port for of in pod.spec.containers for each in of.ports or []}
                if self._port not in ports and not self._port.isdigit():
                    raise ValueError(f"{self._server} has no port {self._port}, but {', '.join(ports)}")
                return pod.metadata.name, int(ports.get(self._port, self._port))
        raise LookupError(f"{self._server} has no pod that is ready")


class Tunnel:
    """One connection. A single thread reads and writes it: TLS, which Kubernetes speaks, takes no two at once."""

    def __init__(self, near: socket.socket, far: WebSocket) -> None:
        """Prepares the tunnel.

        Args:
            near: The client's end.
            far: The stream to the pod.
        """
        self._near, self._far, self._link = near, far, _link(far)
        self._introduced: set[int] = set()
        self._waiting = b""

    def run(self) -> None:
        """Carries what comes until one of the two ends it."""
        is_open = True
        while is_open or self._waiting:
            reads = is_open and len(self._waiting) < WAITING_BYTES
            readers = [self._near, *([self._link] if reads else [])] if is_open else []
            now = 0.0 if reads and self._has_read_ahead() else None
            readable, writable, _ = select.select(readers, [self._near] if self._waiting else [], [], now)
            if writable:
                self._waiting = self._waiting[self._near.send(self._waiting) :]
            if self._near in readable:
                said = self._near.recv(CHUNK_BYTES)
                if not said:
                    return
                self._far.send_binary(bytes([DATA]) + said)
            if reads and (self._link in readable or self._has_read_ahead()):
                is_open = self._take()

    def _has_read_ahead(self) -> bool:
        """Says whether something lies ready inside of TLS, of which `select` knows nothing."""
        return isinstance(self._link, ssl.SSLSocket) and self._link.pending() > 0

    def _take(self) -> bool:
        """Takes in one message; returns whether others may follow."""
        try:
            kind, frame = self._far.recv_data_frame(True)
        except WebSocketConnectionClosedException:
            return False
        if kind == ABNF.OPCODE_CLOSE:
            return False
        if kind == ABNF.OPCODE_BINARY and frame.data:
            channel, told = frame.data[0], frame.data[1:]
            if channel not in self._introduced:
                self._introduced.add(channel)  # the first message names the port
            elif channel == ERROR:
                return False
            else:
                self._waiting += told
        return True


def _link(stream: WebSocket) -> socket.socket:
    """Returns what carries a stream that is there."""
    return cast("socket.socket", stream.sock)


def lead(near: socket.socket, pods: Pods) -> None:
    """Carries one connection to a pod, and closes it with the pod's end of it."""
    with near, contextlib.suppress(*AWAY):
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far = pods.connect()
        try:
            Tunnel(near, far).run()
        finally:
            _link(far).close()


def accept(listener: socket.socket, pods: Pods) -> None:
    """Leads every connection that comes."""
    while True:
        near, _ = listener.accept()
        threading.Thread(target=lead, args=(near, pods), name="tunnel", daemon=True).start()


def main() -> None:
    """Listens until nobody holds the other end of the standard input any more."""
    namespace, server, port = sys.argv[1:]
    with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
        threading.Thread(target=accept, args=(listener, Pods(namespace, server, port)), daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
